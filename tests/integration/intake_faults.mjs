// intake_faults.mjs: tests/fault/intake in small: one thing at a time goes wrong while clients
// send. They are told to come again, and what was acknowledged is there once.
import { test } from 'node:test';
import { troubles } from '../lib/trouble.mjs';

test('one thing at a time goes wrong', (t) => troubles(
  (name, fn) => t.test(name, async (one) => { one.diagnostic(await fn()); }), { seconds: 3, senders: 12 }));
