// intake_ahead.mjs: a message that comes while no other does is written while it is still
// gathered. What is written is the same, once, and in its order.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { compose, smtpConnect } from '../lib/smtp.mjs';
import { children, descriptors, sleep, until } from '../lib/process.mjs';

const MESSAGES = 8; // what is remembered of members ends among them
const outside = 'peter@partner.example';
const member = 'alice@acme.example';

let inst;
before(async () => { inst = await startInstallation(); });
after(() => inst.stop());

/** Messages one by one, each a while after the one before: their ids. */
async function alone(options, { from, to, body }) {
  const session = await smtpConnect(inst, options);
  const ids = [];
  for (let i = 0; i < MESSAGES; i++) {
    await sleep(300);
    const { code, text } = await session.mail({ from, to, data: compose({ from, to, body }) });
    assert.equal(code, 250, text);
    ids.push(text.match(/[0-9a-f-]{36}/)[0]);
  }
  await session.quit();
  return ids;
}

/** Rows that were ever inserted into a table, those of transactions that were taken back, too. */
async function inserted(table) {
  // A connection tells what it did when it ends, or much later.
  await inst.rows("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'restante_intake'");
  return Number((await inst.rows(`SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = '${table}'`))[0][0]);
}

test('a message was accepted before anything else became of it', async () => {
  const body = `${'x'.repeat(70)}\r\n`.repeat(800); // takes a while to be gathered
  for (const id of await alone({ secure: 'none' }, { from: outside, to: member, body })) {
    const { events } = await inst.ctlJson('message', 'show', id);
    assert.equal(events[0].event, 'accepted', JSON.stringify(events));
  }
});

for (const [who, to] of [['a member', 'admin@acme.example'], ['somebody outside', outside]]) {
  test(`for ${who} nothing is written in vain`, async () => {
    const before = await inserted('duplicate');
    await alone({ auth: member }, { from: member, to });
    assert.equal(await inserted('duplicate') - before, MESSAGES);
  });
}

test('who goes while its message is committed leaves nothing behind', async () => {
  const [worker] = await children(await inst.pid('intake'));
  const files = () => descriptors(worker);
  const kept = async () => Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);
  const [before, open] = [await kept(), await files()];
  for (let i = 0; i < MESSAGES; i++) {
    const session = await smtpConnect(inst, { secure: 'none' });
    for (const command of [`MAIL FROM:<${outside}>`, `RCPT TO:<${member}>`, 'DATA']) await session.command(command);
    // Nobody else writes for so long.
    const backends = (await inst.rows("SELECT pid FROM pg_stat_activity WHERE usename = 'restante_intake'")).map(([pid]) => Number(pid));
    for (const pid of backends) process.kill(pid, 'SIGSTOP');
    try {
      session.send(`${compose({ from: outside, to: member })}.\r\n`);
      await sleep(50);
      session.socket.resetAndDestroy();
      await sleep(50);
    } finally {
      for (const pid of backends) process.kill(pid, 'SIGCONT');
    }
    await until(async () => await kept() === before + i + 1, { what: 'it is committed' });
  }
  assert.deepEqual(await children(await inst.pid('intake')), [worker]);
  await until(async () => await files() <= open, { what: 'its socket is closed' });
});
