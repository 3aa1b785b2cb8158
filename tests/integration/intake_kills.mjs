// intake_kills.mjs: tests/fault/intake in small: processes are killed while clients send; what
// was acknowledged is there once, byte for byte. And its control.
import { test } from 'node:test';
import { control, kills } from '../lib/intake_kills.mjs';

const checks = (t) => (name, fn) => t.test(name, async (one) => { one.diagnostic(await fn()); });

test('kills under load', (t) => kills(checks(t), { kills: 12, messages: 800, senders: 16 }));
test('who answers too early', (t) => control(checks(t), { kills: 40, messages: 2000, senders: 16 }));
