// The smallest plan that is right, as text, for tests that change one thing in it.

import assert from 'node:assert/strict';

/** One etcd member, one master, one worker; its lines are numbered in the tests of plan-file.ts. */
export const basePlan = `cluster:
  name: kubernetes
  networking:
    pod_cidr_block: 172.16.0.0/16
    service_cidr_block: 172.20.0.0/16
  certificates:
    expiry: 17520h
    ca_expiry: 87600h
    apiserver_cert_extra_sans: ""
  certwright: {}
etcd:
  expected_count: 1
  nodes:
    - host: etcd1
      ip: 10.0.0.1
master:
  expected_count: 1
  load_balancer: api.example.com:6443
  nodes:
    - host: master1
      ip: 10.0.0.2
worker:
  expected_count: 1
  nodes:
    - host: worker1
      ip: 10.0.0.3
`;

/** The base plan with one piece of text replaced, which must be there. */
export const changedPlan = (from: string, to: string, text = basePlan): string => {
  assert.ok(text.includes(from), `the plan has no ${JSON.stringify(from)}`);
  return text.replace(from, () => to);
};
