// attack.mjs: people who lie about who they are: senders, guests, and somebody who
// writes to the database.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import { once } from 'node:events';
import { startInstallation } from '../lib/installation.mjs';
import { sendMail, compose } from '../lib/smtp.mjs';
import { pickUp, signIn, messageIds } from '../lib/road.mjs';
import { sleep, until } from '../lib/process.mjs';

const host = 'acme.localhost';
const alice = 'alice@acme.example';
const admin = 'admin@acme.example';
const password = 'a password of a guest';
let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

/** The page's text without its tags. */
const words = ({ text }) => text.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

const write = async (visitor, fields, where = '/compose') => {
  await visitor.go(where);
  return visitor.submit({ subject: 'Written', body: 'Text.', ...fields }, { which: /name="body"/ });
};

/** A guest who has read a message of Alice's: { visitor, id }. */
async function guest(address) {
  const reply = await sendMail(inst, { from: alice, to: address, subject: `For ${address}` });
  assert.equal(reply.code, 250, reply.text);
  const notice = await inst.catcher.wait({ to: address });
  const { visitor } = await pickUp(inst, host, address, notice);
  return { visitor, notice, id: visitor.path.match(/message\/([0-9a-f-]{36})/)[1] };
}

async function register({ visitor }, name = '') {
  await visitor.go('/register');
  const page = await visitor.submit({ name, password, password2: password }, { which: /password2/ });
  assert.equal(visitor.path, '/inbox?note=account', words(page));
}

/** The newest message in somebody's inbox, as its page says it. */
async function newest(address) {
  const visitor = await signIn(inst, host, address);
  const [id] = messageIds((await visitor.go('/inbox')).text);
  return words(await visitor.go(`/message/${id}`));
}

test('a member who writes another one into From is shown as who they are', async () => {
  const reply = await sendMail(inst, { from: alice, to: admin,
    data: compose({ from: `"The Director" <director@acme.example>`, to: admin, subject: 'Pay this' }) });
  assert.equal(reply.code, 250, reply.text);
  const page = await newest(admin);
  assert.match(page, /Pay this/);
  assert.match(page, /Alice Example alice@acme\.example/);
  assert.doesNotMatch(page, /director/i);
});

test('a member cannot take another name for their own address either', async () => {
  const reply = await sendMail(inst, { from: alice, to: admin,
    data: compose({ from: `The Director <${alice}>`, to: admin, subject: 'Pay that' }) });
  assert.equal(reply.code, 250, reply.text);
  assert.doesNotMatch(await newest(admin), /director/i);
});

test('a mailbox written many times gets one notice', async () => {
  const member = await signIn(inst, host, alice);
  const page = await write(member, { to: Array(20).fill('many@partner.example').join(', ') + ', MANY@partner.example' });
  assert.match(member.path, /\/track/, words(page));
  await inst.catcher.wait({ to: 'many@partner.example' });
  await sleep(1500);
  assert.equal((await inst.catcher.mails({ to: 'many@partner.example' })).length, 1);
});

test('a guest is no relay, and a reply to somebody else is no reply', async () => {
  const { visitor, id } = await guest('eve@partner.example');
  for (const to of ['victim@elsewhere.example', 'bob@globex.example', `${alice}, victim@elsewhere.example`]) {
    assert.equal((await write(visitor, { to })).status, 400, to);
  }
  await write(visitor, { to: admin }, `/compose?reply=${id}`);
  assert.match(visitor.path, /\/track/);
  const replied = async () => (await inst.rows(`SELECT count(*) FROM event WHERE message_id = '${id}' AND kind = 11`))[0][0];
  assert.equal(await replied(), '0', 'to another member');
  await write(visitor, { to: alice }, `/compose?reply=${id}`);
  assert.equal(await replied(), '1', 'control: to its sender');
});

test('an outsider who calls themselves Alice Example is not called so in notice and page', async () => {
  const mallory = await guest('mallory@partner.example');
  await register(mallory, 'Alice Example');
  const before = await inst.catcher.mails({ to: admin });
  await write(mallory.visitor, { to: admin, subject: 'Trust me' });
  const notice = await inst.catcher.wait({ to: admin, after: before });
  assert.match(notice.subject, /^mallory@partner\.example sent you/);
  assert.doesNotMatch(notice.text, /Alice|at Acme Bank/);
  const page = await newest(admin);
  assert.match(page, /Trust me/);
  assert.doesNotMatch(page, /Alice/);
});

test('nobody outside is said to be at the tenant, whatever domain they write from', async () => {
  const forged = await sendMail(inst, { from: 'director@acme.example', to: admin, auth: false });
  assert.match(forged.text, /^553 5\.7\.1 /, 'the tenant\'s domain is nobody else\'s');
  for (const from of ['stranger@partner.example', 'director@acme.example.partner.example']) {
    const before = await inst.catcher.mails({ to: admin });
    const reply = await sendMail(inst, { from, to: admin, auth: false });
    assert.equal(reply.code, 250, reply.text);
    const notice = await inst.catcher.wait({ to: admin, after: before });
    assert.match(notice.subject, new RegExp(`^${from} sent you`));
    assert.doesNotMatch(notice.text, /at Acme Bank/);
    assert.doesNotMatch(notice.html, /at Acme Bank/);
  }
  const before = await inst.catcher.mails({ to: admin });
  await sendMail(inst, { from: alice, to: admin });
  const notice = await inst.catcher.wait({ to: admin, after: before });
  assert.match(notice.subject, /^Alice Example \(Acme Bank\) sent you/, 'control: a member');
  assert.match(notice.text, /at Acme Bank/);
});

test('registering ends what others opened with the address before', async () => {
  const first = await guest('two@partner.example');
  const { visitor: second } = await pickUp(inst, host, 'two@partner.example', first.notice);
  assert.equal((await second.go('/inbox', { follow: false })).status, 200);
  await register(first);
  assert.equal((await first.visitor.go('/inbox', { follow: false })).status, 200);
  assert.equal((await second.go('/inbox', { follow: false })).status, 303);
});

test('who signed out everywhere is out everywhere, with every cookie there was', async () => {
  const here = await signIn(inst, host, alice);
  const there = await signIn(inst, host, alice);
  const old = new Map(here.cookies);
  await here.go('/logout');
  await here.submit({ everywhere: '1' });
  here.cookies = old;
  for (const visitor of [here, there]) assert.equal((await visitor.go('/inbox', { follow: false })).status, 303);
});

test('a session\'s row that is changed to another\'s name is no session', async () => {
  const oscar = await guest('oscar@partner.example');
  const page = async () => (await oscar.visitor.go('/compose', { follow: false })).status;
  const set = (sql) => inst.rows(`UPDATE session SET ${sql} WHERE address LIKE 'oscar@%' OR address = '${alice}'`);
  await set(`address = '${alice}'`);
  assert.equal(await page(), 303, 'a guest');
  await set(`address = 'oscar@partner.example'`);
  assert.equal(await page(), 200, 'control: as it was');
  await register(oscar);
  await set(`address = '${alice}', account_id = (SELECT account_id FROM account WHERE address_key = '${alice}')`);
  assert.equal(await page(), 303, 'an account');
});

test('an account\'s row that is changed to another\'s address signs nobody in', async () => {
  const trent = await guest('trent@partner.example');
  await register(trent);
  const rename = (from, to) => inst.rows(`UPDATE account SET address = '${to}', address_key = '${to}' WHERE address_key = '${from}'`);
  await rename(alice, 'away@acme.example');
  await rename('trent@partner.example', alice);
  try {
    assert.equal((await trent.visitor.go('/inbox', { follow: false })).status, 303, 'the session there was');
    const visitor = await signIn(inst, host, alice, password);
    assert.equal((await visitor.go('/inbox', { follow: false })).status, 303, 'a new one');
  } finally {
    await rename(alice, 'trent@partner.example');
    await rename('away@acme.example', alice);
  }
  const visitor = await signIn(inst, host, alice);
  assert.equal((await visitor.go('/inbox')).status, 200, 'control: renamed back');
});

test('what stands on an envelope cannot be changed in the database', async () => {
  const reply = await sendMail(inst, { from: 'liar@evil.example', to: admin, auth: false,
    data: compose({ from: 'liar@evil.example', to: admin, subject: 'Unproved' }) });
  assert.equal(reply.code, 250, reply.text);
  const id = reply.text.match(/[0-9a-f-]{36}/)[0];
  const reader = await signIn(inst, host, admin);
  assert.match(words(await reader.go(`/message/${id}`)), /not proved/);
  for (const sql of [`sender_account = (SELECT account_id FROM account WHERE address_key = '${alice}')`,
    `sender_name = 'Alice Example'`, `created = created - interval '1 day'`, `sender = '${alice}'`]) {
    const [name] = sql.split(' ');
    const [[was]] = await inst.rows(`SELECT coalesce(quote_literal(${name}), 'NULL') FROM message WHERE message_id = '${id}'`);
    await inst.rows(`UPDATE message SET ${sql} WHERE message_id = '${id}'`);
    assert.equal((await reader.go(`/message/${id}`)).status, 500, name);
    await inst.rows(`UPDATE message SET ${name} = ${was} WHERE message_id = '${id}'`);
  }
  assert.equal((await reader.go(`/message/${id}`)).status, 200, 'control: as it was');
});

test('uploads of nobody cannot fill the memory: some at a time, and no longer than their connections', async () => {
  const begin = async () => {
    const socket = tls.connect({ host: inst.host, port: inst.ports.HTTPS_PORT, servername: host, ca: inst.ca });
    await once(socket, 'secureConnect');
    socket.on('error', () => {});
    socket.write(`POST /compose HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 11000000\r\n` +
      `Cookie: __Host-restante=${'A'.repeat(64)}\r\nExpect: 100-continue\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    return { socket, status: Number(answer.toString().split(' ')[1]) };
  };
  const all = [];
  while (all.length < 16) all.push(await begin());
  assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([100]));
  all.push(await begin());
  assert.equal(all.at(-1).status, 429, 'one more of this address');
  for (const { socket } of all) socket.destroy();
  await until(async () => {
    const { socket, status } = await begin();
    socket.destroy();
    return status === 100;
  }, { what: 'room again' });
  const member = await signIn(inst, host, alice);
  await member.go('/compose');
  await member.submit({ to: admin, subject: 'Large', body: 'Text.' }, { which: /name="body"/,
    files: [{ name: 'files', filename: 'a.bin', content: Buffer.alloc(9 * 1024 * 1024, 1) }] });
  assert.match(member.path, /\/track/);
});
