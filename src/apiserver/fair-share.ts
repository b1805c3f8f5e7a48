// Who may go on, when more is asked than is done at once: a bounded number of requests are under way, of one user not all of them; what
// comes beyond waits in a line of its user's, and the lines are served in turn. Who has too many waiting is refused.

export type ShareLimits = {
  readonly atOnce: number;
  readonly atOncePerUser: number;
  readonly waiting: number;
  readonly waitingPerUser: number;
  /** How long requests are begun in one turn of the event loop, in milliseconds, before what else has arrived is looked at. */
  readonly turnMs: number;
};

/** To be called once, when a request has ended. */
export type Leave = () => void;

export type FairShare = {
  /** Settles when the user's turn has come; undefined where too many wait. */
  enter(user: string): Promise<Leave> | undefined;
};

/** `elapsed` counts milliseconds from any moment; `nextTurn` calls back once the event loop has looked at its sockets. */
export const fairShare = (limits: ShareLimits, elapsed: () => number, nextTurn: (callback: () => void) => void): FairShare => {
  let underWay = 0;
  let waiting = 0;
  let turnBegan: number | undefined;
  const underWayOf = new Map<string, number>();
  // In the order in which users are served next.
  const lines = new Map<string, (() => void)[]>();

  const isTurnOver = (): boolean => {
    if (turnBegan === undefined) {
      turnBegan = elapsed();
      nextTurn(() => {
        turnBegan = undefined;
        admit();
      });
    }
    return elapsed() - turnBegan > limits.turnMs;
  };
  const isFree = (user: string): boolean => underWay < limits.atOnce && (underWayOf.get(user) ?? 0) < limits.atOncePerUser;

  const leaveOf = (user: string): Leave => {
    underWay++;
    underWayOf.set(user, (underWayOf.get(user) ?? 0) + 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      underWay--;
      const left = (underWayOf.get(user) ?? 1) - 1;
      if (left === 0) underWayOf.delete(user);
      else underWayOf.set(user, left);
      admit();
    };
  };

  /** One of each line in turn, for as long as there is room. */
  const admit = (): void => {
    // A line that is put back stands at the end of the map and is come to again.
    for (const [user, line] of lines) {
      if (underWay >= limits.atOnce || isTurnOver()) return;
      if (!isFree(user)) continue;
      const begin = line.shift();
      lines.delete(user);
      if (line.length > 0) lines.set(user, line);
      waiting--;
      begin?.();
    }
  };

  return {
    enter: (user) => {
      const line = lines.get(user);
      if (line === undefined && isFree(user) && !isTurnOver()) return Promise.resolve(leaveOf(user));
      if (waiting >= limits.waiting || (line?.length ?? 0) >= limits.waitingPerUser) return undefined;
      waiting++;
      return new Promise((resolve) => {
        const begin = (): void => resolve(leaveOf(user));
        if (line === undefined) lines.set(user, [begin]);
        else line.push(begin);
        // Somebody may be waiting only for the turn to end.
        isTurnOver();
      });
    },
  };
};

export type Places = {
  /** Undefined where there is none left. */
  take(user: string): Leave | undefined;
};

/** A number of places without a line to wait in. */
export const places = (total: number, perUser: number): Places => {
  let taken = 0;
  const takenBy = new Map<string, number>();
  return {
    take: (user) => {
      const own = takenBy.get(user) ?? 0;
      if (taken >= total || own >= perUser) return undefined;
      taken++;
      takenBy.set(user, own + 1);
      let hasLeft = false;
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        taken--;
        const left = (takenBy.get(user) ?? 1) - 1;
        if (left === 0) takenBy.delete(user);
        else takenBy.set(user, left);
      };
    },
  };
};
