// First in, first out, in constant time: an array whose front is cut off only now and then.

export type Fifo<Value> = { push(value: Value): void; shift(): Value | undefined; readonly size: number };

export const createFifo = <Value>(): Fifo<Value> => {
  let values: Value[] = [];
  let front = 0;
  return {
    push: (value) => {
      values.push(value);
    },
    shift: () => {
      if (front === values.length) return undefined;
      const value = values[front];
      front += 1;
      if (front * 2 > values.length) {
        values = values.slice(front);
        front = 0;
      }
      return value;
    },
    get size() {
      return values.length - front;
    },
  };
};
