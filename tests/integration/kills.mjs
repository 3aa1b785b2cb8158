// kills.mjs: every process dies at every moment while clients send: what was acknowledged
// is there once, and everything comes back by itself.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { smtpConnect, compose } from '../lib/smtp.mjs';
import { startLoad, lostOrDoubled, sendUntilTaken } from '../lib/load.mjs';
import { request, Visitor } from '../lib/web.mjs';
import { signIn } from '../lib/road.mjs';
import { sleep, until } from '../lib/process.mjs';

const from = 'alice@acme.example';
const to = 'admin@acme.example';
let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

const works = () => until(async () => (await request(inst, 'acme.localhost', '/readyz')).status === 200,
  { timeout: 30000, what: 'ready again' });

test('kill -9 of each process in turn under load loses and doubles nothing', async () => {
  const load = startLoad(inst);
  await until(() => load.taken > 10);
  for (const service of ['intake', 'portal', 'courier', 'keyd', 'postgres', 'intake', 'postgres']) {
    const before = load.taken;
    const pid = await inst.kill(service);
    await inst.back(service, pid, { timeout: 30000 });
    await until(() => load.taken > before + 5, { timeout: 60000, what: `mail is taken again after ${service} died` });
  }
  await works();
  const { taken, errors, tries } = await load.stop();
  assert.deepEqual(errors, []);
  assert.ok(tries > taken.length, 'some sends were cut off and repeated');
  const { lost, doubled } = await lostOrDoubled(inst, taken);
  assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
});

/** A session that is ready for the data of one message. */
async function upToData(data) {
  const session = await smtpConnect(inst, { auth: from });
  assert.equal((await session.command(`MAIL FROM:<${from}>`)).code, 250);
  assert.equal((await session.command(`RCPT TO:<${to}>`)).code, 250);
  assert.equal((await session.command('DATA')).code, 354);
  session.send(`${data}.\r\n`);
  return session;
}

const countOf = async () => Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);

for (const service of ['intake', 'keyd', 'postgres']) {
  test(`${service} dies before the commit: nothing is stored, the repeat is taken once`, async () => {
    const token = `T${service.length}before${'0'.repeat(9)}`;
    const data = compose({ from, to, subject: token });
    const stored = await countOf();
    await inst.rows(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION slow()`);
    const session = await upToData(data);
    await sleep(1000);
    const pid = await inst.kill(service);
    await inst.back(service, pid, { timeout: 30000 });
    await until(() => inst.rows('DROP TRIGGER slow ON message; DROP FUNCTION slow'), { timeout: 30000 });
    const answer = await session.reply(15000).catch(() => ({ code: 0 }));
    session.close();
    const acknowledged = answer.code === 250;
    assert.ok(acknowledged === (service === 'keyd' && (await countOf()) === stored + 1) || answer.code === 451 || answer.code === 0,
      `answered ${answer.text}`);
    await sendUntilTaken(inst, { from, to, data });
    await works();
    assert.equal(await countOf(), stored + 1, 'stored once');
  });
}

test('intake dies after the commit, before the client heard: the repeat is the same message', async () => {
  const data = compose({ from, to, subject: 'after the commit' });
  const stored = await countOf();
  const session = await upToData(data);
  session.socket.pause();
  await until(async () => (await countOf()) === stored + 1);
  const pid = await inst.kill('intake');
  session.close();
  await inst.back('intake', pid, { timeout: 30000 });
  await sendUntilTaken(inst, { from, to, data });
  assert.equal(await countOf(), stored + 1);
});

test('a courier that dies sends its notices later, and none is lost', async () => {
  const seen = (await inst.catcher.mails({ to: 'erin@partner.example' })).length;
  for (let i = 0; i < 5; i++) {
    await sendUntilTaken(inst, { from, to: 'erin@partner.example', data: compose({ from, to: 'erin@partner.example', subject: `n ${i}` }) });
    if (i === 2) await inst.kill('courier');
  }
  await until(async () => (await inst.catcher.mails({ to: 'erin@partner.example' })).length >= seen + 5, { timeout: 60000 });
});

test('the portal dies between two clicks: sessions, codes and accounts go on', async () => {
  const before = await inst.catcher.mails({ to: 'fay@partner.example' });
  await sendUntilTaken(inst, { from, to: 'fay@partner.example', data: compose({ from, to: 'fay@partner.example', subject: 'for Fay' }) });
  const notice = await inst.catcher.wait({ to: 'fay@partner.example', after: before });
  const visitor = new Visitor(inst, 'acme.localhost');
  await visitor.go(new URL(notice.text.match(/https:\/\/\S+\/m\/\S+/)[0]).pathname);
  await visitor.submit({ address: 'fay@partner.example' }, { which: /name="address"/ });
  const mail = await inst.catcher.wait({ to: 'fay@partner.example', subject: /code/i, after: before });
  for (const service of ['portal', 'keyd']) {
    const pid = await inst.kill(service);
    await inst.back(service, pid, { timeout: 30000 });
  }
  await works();
  const page = await visitor.submit({ code: mail.text.match(/\b([0-9A-Z]{4}-[0-9A-Z]{4})\b/)[1] }, { which: /name="code"/ });
  assert.match(page.text, /for Fay/);
});

test('database or keyd frozen or down: 451, and by itself well again', async () => {
  for (const service of ['postgres', 'keyd']) {
    const pid = await inst.pid(service);
    process.kill(pid, 'SIGKILL');
    let code;
    try {
      const session = await smtpConnect(inst, {});
      ({ code } = await session.command('MAIL FROM:<out@partner.example>'));
      if (code === 250) ({ code } = await session.command(`RCPT TO:<${to}>`));
      session.close();
    } catch {
      code = 0;
    }
    assert.ok(code === 451 || code === 250, `answered ${code}`);
    await inst.back(service, pid, { timeout: 30000 });
    await sendUntilTaken(inst, { from, to, data: compose({ from, to }) });
  }
  await works();
  const alice = await signIn(inst, 'acme.localhost', from);
  assert.equal((await alice.go('/sent')).status, 200);
});
