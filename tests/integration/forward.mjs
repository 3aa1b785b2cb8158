// forward.mjs: mail to members handed on to the tenant's own server: sealed until it
// leaves, over TLS that was verified, byte for byte, tagged once, kept until it is taken.
import test, { after, before, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { bin, until, must, run, sleep } from '../lib/process.mjs';
import { scratch, startInstallation } from '../lib/installation.mjs';
import { OwnServer, readReport } from '../lib/ownserver.mjs';
import { findSecrets } from '../lib/search.mjs';
import { sendMail, smtpConnect } from '../lib/smtp.mjs';
import { messageIds, signIn } from '../lib/road.mjs';
import { createUpload } from '../lib/uploads.mjs';

const alice = 'alice@acme.example', admin = 'admin@acme.example';
const stranger = 'zoe@partner.example';
const house = 'postmaster@acme.example';
let inst, own, dir;

const route = (...options) => inst.ctlJson('tenant', 'set', '--tenant', 'acme', ...options);
const way = (word) => route('--way', word);
const here = () => route('--way', 'forward', '--server', `localhost:${own.port}`, '--tag', '[secure]',
  '--authority', 'none');

before(async () => {
  dir = await scratch();
  const state = path.join(dir, 'var');
  own = await new OwnServer().listen();
  own.useTls(state);
  inst = await startInstallation({ state, env: {
    SSL_CERT_FILE: path.join(state, 'tls/ca.pem'), RESTANTE_THREADS: 2 } });
  inst.scratch = dir;
  await here();
});
after(async () => {
  await inst?.stop();
  await own?.close();
});
beforeEach(async () => {
  Object.assign(own, { say: () => undefined, delay: 0, offers: ['8BITMIME'], commands: [], mails: [] });
});

let number = 0;
const unique = () => `${++number}.${randomBytes(6).toString('hex')}`;

/** A message by SMTP from outside; gives its id, its text and its Message-ID. */
async function send({ from = stranger, to = alice, subject = 'Quarterly figures', headers = '', body = 'Dear Alice,\r\n.\r\n..dots\r\n',
  mailOptions = '', rcptOptions = '', secure = 'starttls' } = {}) {
  const mid = `${unique()}@partner.example`;
  const raw = `From: Zoe <${stranger}>\r\nTo: ${[to].flat().join(', ')}\r\nSubject: ${subject}\r\nDate: Fri, 20 Nov 2026 13:58:00 +0000\r\n` +
    `Message-ID: <${mid}>\r\n${headers}\r\n${body}`;
  const session = await smtpConnect(inst, { secure });
  session.send(Buffer.from(`MAIL FROM:<${from}>${mailOptions}\r\n`, 'latin1'));
  let reply = await session.reply();
  for (const one of [to].flat()) {
    assert.equal(reply.code, 250, reply.text);
    reply = await session.command(`RCPT TO:<${one}>${rcptOptions}`);
  }
  assert.equal(reply.code, 250, reply.text);
  assert.equal((await session.command('DATA')).code, 354);
  reply = await session.data(Buffer.from(raw, 'latin1'));
  session.close();
  return { code: reply.code, text: reply.text, id: reply.text.match(/[0-9a-f-]{36}/)?.[0], mid, raw, body };
}

const rows = (id) => inst.rows(`SELECT state, item IS NULL, tries, last_reply FROM outbox WHERE message_id = '${id}' AND kind = 4`);
const left = async (id) => [(await rows(id)).length, ...(await inst.rows(`SELECT
  (SELECT count(*) FROM forward WHERE message_id = '${id}'),
  (SELECT count(*) FROM forward_chunk c JOIN forward f USING (tenant_id, forward_id) WHERE f.message_id = '${id}')`))[0].map(Number)];
const gone = (id) => until(async () => (await left(id)).every((n) => n === 0), { what: 'the copy is gone' });
const answered = (id) => until(async () => (await rows(id))[0]?.[3] !== '', { what: 'an answer written down' });
const again = (id) => inst.rows(`UPDATE outbox SET due = now() WHERE message_id = '${id}'; NOTIFY restante_outbox`);
const age = (id, hours) => inst.rows(`UPDATE outbox SET created = created - interval '${hours} hours', due = now()
  WHERE message_id = '${id}'; NOTIFY restante_outbox`);
const taken = (mid, count = 1) => until(() => {
  const mails = own.mails.filter((m) => m.id === `<${mid}>` && /^250/.test(m.answer ?? ''));
  return mails.length >= count && mails;
}, { timeout: 20000, what: `message ${mid} at the own server` });
/** The delivery status mail that somebody got: { raw, ...readReport() }. */
const told = async (wanted) => {
  const { id } = await inst.catcher.wait(wanted);
  const raw = (await inst.catcher.source(id)).toString('latin1');
  return { raw, ...readReport(raw) };
};
const kinds = async (id) => (await inst.rows(`SELECT kind FROM event WHERE message_id = '${id}' ORDER BY event_id`)).flat().map(Number);

/** The digests of its recipients, and of others. */
const trace = (mail) => mail.header.match(/^X-Restante-Trace:((?:[ \t]+[0-9a-f]{16}(?:\r?\n(?=[ \t]))?)+)/m)[1].trim().split(/\s+/);

test('byte for byte, tagged, over verified TLS; nothing of it stays', async () => {
  const sent = await send();
  assert.equal(sent.code, 250, sent.text);
  const [mail] = await taken(sent.mid);
  assert.ok(mail.secure);
  assert.equal(mail.from, stranger);
  assert.deepEqual(mail.rcpts, [alice]);
  assert.equal(mail.body, sent.body);
  assert.equal(mail.subject, '[secure] Quarterly figures');
  assert.match(mail.header, /^X-Restante-Transport: TLSv1\.3/m);
  assert.match(mail.header, /^X-Restante-Client: 127\.0\.0\.1 \(client\.example\)$/m);
  assert.match(mail.header, /^X-Restante-Sender: not proved$/m);
  assert.match(mail.header, /^Received: from client\.example/m);
  assert.equal(trace(mail).length, 16);
  const head = sent.raw.slice(0, sent.raw.indexOf('\r\n\r\n')).replace('Subject: ', 'Subject: [secure] ');
  assert.ok(mail.raw.includes(`${head}\r\n\r\n`), 'the header but for ours is as it came');
  await gone(sent.id);
  const happened = await kinds(sent.id);
  assert.ok(happened.includes(16) && happened.includes(17), String(happened));
  assert.ok(!happened.includes(2), 'no notice');
});

test('no copy in the portal, or one, as the tenant chose', async () => {
  const inbox = async () => messageIds((await (await signIn(inst, 'acme.localhost', alice)).go('/inbox')).text);
  const first = await send();
  await gone(first.id);
  assert.ok(!(await inbox()).includes(first.id));
  await way('both');
  const second = await send();
  await gone(second.id);
  assert.ok((await inbox()).includes(second.id));
  await way('portal');
  const third = await send();
  assert.ok((await inbox()).includes(third.id));
  assert.equal((await left(third.id))[0], 0);
  await way('forward');
});

test('a reply is not tagged twice, what claims to be ours is taken out', async () => {
  const sent = await send({ subject: 'Re: [secure] Quarterly figures',
    headers: 'X-Restante-Sender: proved\r\nX-Restante-Transport: TLSv1.3\r\n' });
  const [mail] = await taken(sent.mid);
  assert.equal(mail.subject, 'Re: [secure] Quarterly figures');
  assert.equal(mail.header.match(/^X-Restante-Sender: /gm).length, 1);
  assert.match(mail.header, /^X-Restante-Sender: not proved$/m);
});

test('in clear is said to be in clear; the null sender stays null', async () => {
  const sent = await send({ from: '', secure: 'none' });
  const [mail] = await taken(sent.mid);
  assert.equal(mail.from, '');
  assert.match(mail.header, /^X-Restante-Transport: in clear$/m);
});

test('several members are one copy and one mail; each has an answer of its own', async () => {
  let tries = 0;
  own.say = (verb, mail) => (verb === 'RCPT' && mail.to === admin && ++tries === 1 ? '450 4.2.1 Later' : undefined);
  const sent = await send({ to: [alice, admin] });
  const [mail] = await taken(sent.mid);
  assert.deepEqual(mail.rcpts, [alice]);
  await answered(sent.id);
  assert.equal((await left(sent.id))[1], 1);
  await again(sent.id);
  const mails = await taken(sent.mid, 2);
  assert.deepEqual(mails[1].rcpts, [admin]);
  // Nobody who gets it can count the others.
  assert.equal(trace(mails[0]).length, 16);
  assert.deepEqual(trace(mails[0]), trace(mails[0]).toSorted());
  assert.equal(mails[1].raw, mails[0].raw);
  await gone(sent.id);
});

test('a server that takes one recipient a mail: the others follow at once', async () => {
  own.say = (verb, mail) => (verb === 'RCPT' && mail.rcpts.length === 1 ? '452 4.5.3 Too many' : undefined);
  const sent = await send({ to: [alice, admin] });
  const mails = await taken(sent.mid, 2);
  assert.deepEqual(mails.map((m) => m.rcpts), [[alice], [admin]]);
  await gone(sent.id);
});

test('what comes right after another is not left until the courier looks by itself', async () => {
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const trip = async (pair) => {
    await sleep(250);
    const both = [send()];
    if (pair) {
      await sleep(8);
      both.push(send());
    }
    const sent = await Promise.all(both), since = Date.now();
    for (const one of sent) await taken(one.mid);
    return Date.now() - since;
  };
  const alone = [], pairs = [];
  for (let i = 0; i < 7; i++) {
    alone.push(await trip(false));
    pairs.push(await trip(true));
  }
  // It looks every two seconds where no bell is heard.
  assert.ok(median(pairs) - median(alone) < 900, `${alone} ms alone, ${pairs} ms in pairs`);
});

test('it comes back: a loop is refused', async () => {
  const sent = await send();
  const [mail] = await taken(sent.mid);
  const session = await smtpConnect(inst);
  const reply = await session.mail({ from: stranger, to: alice, data: Buffer.from(mail.raw, 'latin1') });
  assert.ok(reply.code >= 500, reply.text);
  const other = await session.mail({ from: stranger, to: admin, data: Buffer.from(mail.raw, 'latin1') });
  assert.equal(other.code, 250, other.text);
  session.close();
});

test('a letter written in the portal is handed on; with an uploaded file it stays', async () => {
  const writer = await signIn(inst, 'acme.localhost', alice);
  await writer.go('/compose');
  const word = unique();
  await writer.submit({ to: admin, subject: 'Written here', body: word }, { which: /name="body"/ });
  const mail = await until(() => own.mails.find((m) => m.body.includes(word)), { what: 'the letter at the own server' });
  assert.match(mail.header, /^X-Restante-Transport: portal$/m);
  assert.equal(mail.subject, '[secure] Written here');
  const track = writer.path;
  await until(async () => /admin@acme\.example[\s\S]*<time|admin@acme\.example[\s\S]*\d\d:\d\d UTC/.test((await writer.go(track)).text), { what: 'the writer sees it handed on' });
  const file = randomBytes(1000);
  const { path: at, id, headers } = await createUpload(writer, { length: file.length, name: 'figures.bin' });
  const put = await writer.go(at, { method: 'PATCH', follow: false, body: file, headers: { ...headers, 'upload-offset': '0' } });
  assert.equal(put.status, 204, put.text);
  await writer.go('/compose');
  await writer.submit({ to: admin, subject: 'With a file', body: 'See there.', upload: id }, { which: /name="subject"/, files: [] });
  await inst.catcher.wait({ to: admin, text: /\/m\// });
  assert.ok(!own.mails.some((m) => m.body.includes('See there.')));
});

test('a server that is down: kept, sealed, and delivered later', async () => {
  const secrets = { body: randomBytes(16).toString('hex'), subject: randomBytes(16).toString('hex') };
  own.say = (verb) => (verb === 'CONNECT' ? '421 4.3.2 Down' : undefined);
  const sent = await send({ subject: secrets.subject, body: `${secrets.body}\r\n` });
  await answered(sent.id);
  assert.equal((await left(sent.id))[1], 1);
  const queue = await inst.ctlJson('queue');
  assert.ok(queue.rows.some((row) => row.kind === 'forward' && row.message === sent.id));
  const search = async (what) => {
    await inst.rows('CHECKPOINT');
    const dump = await run('pg_dump', ['-U', 'postgres', 'restante'], { env: inst.environment, raw: true });
    return (await findSecrets(what, { places: [inst.state, path.join(inst.state, 'pg')],
      leave: [path.join(inst.state, 'catcher')], buffers: { dump: dump.stdout } })).found;
  };
  assert.deepEqual(await search(secrets), []);
  await inst.rows(`INSERT INTO smtp_token (tenant_id, token_id, account_id, label, verifier)
    SELECT tenant_id, gen_random_uuid(), account_id, '${secrets.body}', sha256('x') FROM account LIMIT 1`);
  assert.notEqual((await search({ body: secrets.body })).length, 0, 'the control is found');
  own.say = () => undefined;
  await until(async () => { await again(sent.id); return own.mails.some((m) => m.id === `<${sent.mid}>`); },
    { every: 1000, timeout: 40000, what: 'delivered' });
  await gone(sent.id);
});

for (const [name, change, restore] of [
  ['a certificate of another name', ['--server', () => `127.0.0.2:${own.port}`], ['--server', () => `localhost:${own.port}`]],
  ['a certificate of another authority', ['--authority', () => path.join(dir, 'other.pem')], ['--authority', () => 'none']],
]) {
  test(`${name}: nothing is said, and it is tried again`, async () => {
    await must('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
      '-subj', '/CN=other', '-keyout', path.join(dir, 'other.key'), '-out', path.join(dir, 'other.pem')]);
    await route(change[0], change[1]());
    const sent = await send();
    await answered(sent.id);
    assert.ok(!own.commands.some((line) => /^MAIL/.test(line)), String(own.commands));
    assert.equal((await rows(sent.id))[0][0], '1');
    await route(restore[0], restore[1]());
    await until(async () => { await again(sent.id); return own.mails.some((m) => m.id === `<${sent.mid}>`); },
      { every: 1000, timeout: 40000, what: 'delivered' });
  });
}

test('the authority that is pinned is enough', async () => {
  await route('--authority', path.join(inst.state, 'tls/ca.pem'));
  const sent = await send();
  await taken(sent.mid);
  await route('--authority', 'none');
});

test('a server without TLS is told nothing', async () => {
  own.state = undefined;
  const sent = await send();
  await answered(sent.id);
  assert.ok(!own.commands.some((line) => /^MAIL/.test(line)), String(own.commands));
  own.state = inst.state;
  await until(async () => { await again(sent.id); return own.mails.some((m) => m.id === `<${sent.mid}>`); },
    { every: 1000, timeout: 40000, what: 'delivered' });
});

test('refused for good: destroyed, and the sender is told, without a word of it', async () => {
  const word = unique();
  own.say = (verb) => (verb === 'RCPT' ? '550 5.1.1 No such user here' : undefined);
  const sent = await send({ from: 'rosa@partner.example', subject: `About ${word}`, body: `Dear ${word}\r\n` });
  const report = await told({ to: 'rosa@partner.example', text: /could not be reached/ });
  assert.deepEqual(report.types, ['text/plain', 'message/delivery-status', 'text/rfc822-headers']);
  assert.match(report.type, /report-type=delivery-status/);
  assert.equal(report.recipients.length, 1);
  assert.equal(report.recipients[0]['final-recipient'], `rfc822;${alice}`);
  assert.equal(report.recipients[0].action, 'failed');
  assert.equal(report.recipients[0].status, '5.1.1');
  assert.equal(report.recipients[0]['remote-mta'], 'dns;localhost');
  assert.equal(report.original['message-id'], `<${sent.mid}>`);
  assert.match(report.raw, /^Auto-Submitted: auto-replied\r$/m);
  assert.ok(!report.raw.includes(word));
  assert.deepEqual((await left(sent.id)).slice(1), [0, 0]);
  assert.deepEqual((await rows(sent.id))[0].slice(0, 2), ['2', 't']);
  assert.ok((await kinds(sent.id)).includes(18));
});

test('tried for days in vain: given up, and the sender is told', async () => {
  own.say = (verb) => (verb === 'RCPT' ? '451 4.3.0 Not now' : undefined);
  const sent = await send({ from: 'yves@partner.example', rcptOptions: ' NOTIFY=FAILURE,DELAY' });
  await answered(sent.id);
  await age(sent.id, 5);
  const delayed = await told({ to: 'yves@partner.example', text: /go on trying/ });
  assert.equal(delayed.recipients[0].action, 'delayed');
  assert.match(delayed.recipients[0].status, /^4\./);
  assert.ok(delayed.recipients[0]['will-retry-until']);
  await until(async () => (await inst.rows(`SELECT told FROM outbox WHERE message_id = '${sent.id}' AND kind = 4`))[0][0] === 't', { what: 'told once' });
  await age(sent.id, 24 * 6);
  const failed = await told({ to: 'yves@partner.example', text: /do not try any more/ });
  assert.equal(failed.recipients[0].action, 'failed');
  assert.deepEqual((await left(sent.id)).slice(1), [0, 0]);
});

test('members who are handed one message are told of one by one, in one report', async () => {
  const from = 'nora@partner.example';
  const sent = await send({ from, to: [alice, admin], rcptOptions: ' NOTIFY=SUCCESS' });
  await taken(sent.mid);
  const report = await told({ to: from });
  assert.deepEqual(report.recipients.map((r) => [r['final-recipient'], r.action, r.status]).sort(),
    [alice, admin].sort().map((to) => [`rfc822;${to}`, 'relayed', '2.1.9']));
  // One of them is refused: each has what became of it.
  own.say = (verb, mail) => (verb === 'RCPT' && mail.to === admin ? '550 5.1.1 No such user here' : undefined);
  const other = 'olga@partner.example';
  await send({ from: other, to: [alice, admin], rcptOptions: ' NOTIFY=SUCCESS,FAILURE' });
  const both = [await told({ to: other, text: /has taken/ }), await told({ to: other, text: /could not be reached/ })];
  assert.deepEqual(both.map(({ recipients }) => recipients.map((r) => [r['final-recipient'], r.action])),
    [[[`rfc822;${alice}`, 'relayed']], [[`rfc822;${admin}`, 'failed']]]);
});

test('nobody is told who said never', async () => {
  own.say = (verb) => (verb === 'RCPT' ? '550 5.1.1 No such user here' : undefined);
  const sent = await send({ rcptOptions: ' NOTIFY=NEVER' });
  await until(async () => (await rows(sent.id))[0]?.[0] === '2', { what: 'failed for good' });
  assert.equal((await inst.rows(`SELECT count(*) FROM outbox WHERE message_id = '${sent.id}' AND kind = 5`))[0][0], '0');
  assert.deepEqual((await left(sent.id)).slice(1), [0, 0]);
});

test('what fails of a program, or of nobody, is kept and told to the postmaster alone', async () => {
  for (const message of [{ from: '' }, { from: 'robot@partner.example', headers: 'Auto-Submitted: auto-replied\r\n' }]) {
    own.say = (verb) => (verb === 'RCPT' ? '550 5.1.1 No such user here' : undefined);
    const sent = await send(message);
    await answered(sent.id);
    const report = await until(async () => {
      const got = await told({ to: house, text: /offer it to your server/ });
      return got.original['message-id'] === `<${sent.mid}>` && got;
    }, { what: 'the postmaster is told' });
    assert.equal(report.recipients[0]['final-recipient'], `rfc822;${alice}`);
    assert.equal(report.recipients[0].action, 'delayed');
    assert.equal(report.recipients[0].status, '4.1.1');
    assert.match(report.recipients[0]['diagnostic-code'], /550 5\.1\.1/);
    assert.deepEqual(await inst.catcher.mails({ to: 'robot@partner.example' }), []);
    // Whole, in the queue, and due in a day.
    assert.deepEqual((await left(sent.id)).slice(0, 2), [1, 1]);
    assert.ok((await left(sent.id))[2] > 0);
    assert.match(JSON.stringify((await inst.ctlJson('queue')).rows.find((row) => row.message === sent.id && row.kind === 'forward')),
      /retrying.*550 5\.1\.1/);
    assert.equal((await inst.rows(`SELECT due - now() > interval '23 hours' FROM outbox WHERE message_id = '${sent.id}' AND kind = 4`))[0][0], 't');
    // Tried again in vain, that is not told a second time; after a month it is given up.
    const tried = Number((await rows(sent.id))[0][2]);
    await age(sent.id, 24 * 7);
    await until(async () => Number((await rows(sent.id))[0][2]) > tried && (await left(sent.id))[1] === 1, { what: 'tried again' });
    assert.equal((await inst.rows(`SELECT told FROM outbox WHERE message_id = '${sent.id}' AND kind = 4`))[0][0], 't');
    if (message.from === '') {
      await age(sent.id, 24 * 24);
      await until(async () => (await rows(sent.id))[0][0] === '2', { what: 'given up' });
      assert.deepEqual((await left(sent.id)).slice(1), [0, 0]);
    } else {
      own.say = () => undefined;
      await again(sent.id);
      await taken(sent.mid);
      await gone(sent.id);
    }
    assert.equal((await inst.rows(`SELECT count(*) FROM event WHERE message_id = '${sent.id}' AND kind = 18`))[0][0], message.from === '' ? '1' : '0');
  }
});

test('of mail to the postmaster itself nobody is told; with a copy in the portal nothing is kept', async () => {
  own.say = (verb) => (verb === 'RCPT' ? '550 5.1.1 No such user here' : undefined);
  await way('both');
  const sent = await send({ from: '' });
  await until(async () => (await rows(sent.id))[0]?.[0] === '2', { what: 'failed for good' });
  assert.deepEqual((await left(sent.id)).slice(1), [0, 0]);
  await way('forward');
  const mail = await send({ from: '', to: 'postmaster@acme.example' });
  await answered(mail.id);
  assert.deepEqual((await left(mail.id)).slice(0, 2), [1, 1]);
  assert.equal((await inst.rows(`SELECT count(*) FROM outbox WHERE message_id = '${mail.id}' AND kind = 5`))[0][0], '0');
  await inst.rows(`DELETE FROM outbox WHERE message_id = '${mail.id}'; DELETE FROM forward WHERE message_id = '${mail.id}'`);
});

test('eight bits go to who takes them; else it fails with 5.6.3', async () => {
  const body = Buffer.from('Grüße aus Köln\r\n').toString('latin1');
  const fine = await send({ body, mailOptions: ' BODY=8BITMIME' });
  const [mail] = await taken(fine.mid);
  assert.equal(mail.body, body);
  assert.match(mail.mailLine, /BODY=8BITMIME/);
  own.offers = [];
  const sent = await send({ from: 'wendy@partner.example', body, mailOptions: ' BODY=8BITMIME' });
  const report = await told({ to: 'wendy@partner.example' });
  assert.equal(report.recipients[0].status, '5.6.3');
  assert.equal(report.original['message-id'], `<${sent.mid}>`);
  assert.ok(!own.mails.some((m) => m.id === `<${sent.mid}>`));
});

test('by BDAT: the same bytes, large ones too', async () => {
  own.offers = ['8BITMIME', 'CHUNKING', 'PIPELINING', 'ENHANCEDSTATUSCODES', 'SIZE 90000000'];
  const body = `${randomBytes(900000).toString('base64').replace(/(.{76})/g, '$1\r\n')}\r\n.\r\n.end\r\n`;
  const sent = await send({ body });
  const [mail] = await taken(sent.mid);
  assert.ok(mail.chunked);
  assert.ok(mail.body === body, 'the same bytes');
  own.offers = ['8BITMIME', 'PIPELINING'];
  const plain = await send({ body });
  const [other] = await taken(plain.mid);
  assert.ok(!other.chunked);
  assert.ok(other.body === body, 'the same bytes');
});

test('cut in the middle: it is sent again as the same mail', async () => {
  let tries = 0;
  own.say = (verb) => (verb === 'END' && ++tries === 1 ? 'cut' : undefined);
  const sent = await send();
  await answered(sent.id);
  await again(sent.id);
  await taken(sent.mid);
  const mails = own.mails.filter((m) => m.id === `<${sent.mid}>`);
  assert.equal(mails.length, 2);
  assert.equal(mails[0].raw, mails[1].raw);
});

test('a courier killed in the middle of a copy: it is sent again as the same mail', async () => {
  let held;
  const release = new Promise((r) => { held = r; });
  own.say = (verb) => (verb === 'END' ? release : undefined);
  const sent = await send();
  await until(() => own.mails.some((m) => m.id === `<${sent.mid}>`), { what: 'the copy is held' });
  const pid = await inst.kill('courier', 'SIGKILL');
  own.say = () => undefined;
  held(undefined);
  await inst.back('courier', pid);
  await until(() => own.mails.filter((m) => m.id === `<${sent.mid}>`).length === 2, { what: 'the second try' });
  const mails = own.mails.filter((m) => m.id === `<${sent.mid}>`);
  assert.equal(mails[0].raw, mails[1].raw);
  await gone(sent.id);
});

test('the database dies while a server has a copy: it is not sent to it twice', async () => {
  let held;
  const release = new Promise((r) => { held = r; });
  own.say = (verb) => (verb === 'END' ? release : undefined);
  const sent = await send();
  const there = () => own.mails.filter((m) => m.id === `<${sent.mid}>`);
  await until(() => there().length, { what: 'the copy is held' });
  // The holder's connection among them: the copy is free for others then.
  const pid = await inst.kill('postgres');
  await inst.back('postgres', pid, { timeout: 30000 });
  await until(async () => Number((await rows(sent.id))[0][2]) > 1, { timeout: 30000, what: 'it is taken again' });
  held(undefined);
  await gone(sent.id);
  assert.equal(there().length, 1);
});

test('a second courier takes what a dead database let go: only one of them ends it', async () => {
  let held;
  const release = new Promise((r) => { held = r; });
  own.say = (verb) => (verb === 'DATA' ? release : undefined);
  const sent = await send();
  await until(() => own.commands.includes('DATA'), { what: 'it is offered' });
  // As if another had it.
  await inst.rows(`UPDATE outbox SET tries = tries + 1 WHERE message_id = '${sent.id}'`);
  own.say = () => undefined;
  held(undefined);
  await until(async () => /another has it/.test(await inst.log('courier')), { what: 'it is cut' });
  assert.deepEqual(own.mails.filter((m) => m.id === `<${sent.mid}>`), []);
  await again(sent.id);
  await taken(sent.mid);
  await gone(sent.id);
});

test('REQUIRETLS is passed on, or the message fails with 5.7.30', async () => {
  own.offers = ['8BITMIME', 'REQUIRETLS'];
  const fine = await send({ mailOptions: ' REQUIRETLS' });
  const [mail] = await taken(fine.mid);
  assert.match(mail.mailLine, / REQUIRETLS$/);
  const usual = await send();
  assert.doesNotMatch((await taken(usual.mid))[0].mailLine, /REQUIRETLS/);
  own.offers = ['8BITMIME'];
  const sent = await send({ from: 'vera@partner.example', mailOptions: ' REQUIRETLS' });
  const report = await told({ to: 'vera@partner.example' });
  assert.equal(report.recipients[0].status, '5.7.30');
  assert.ok(!own.mails.some((m) => m.id === `<${sent.mid}>`));
});

test('SMTPUTF8 is passed on where it is needed, or the message fails', async () => {
  const from = Buffer.from('grüße@partner.example').toString('latin1');
  const utf8 = { from, mailOptions: ' SMTPUTF8' };
  own.offers = ['8BITMIME', 'SMTPUTF8'];
  const fine = await send(utf8);
  const [mail] = await taken(fine.mid);
  assert.equal(mail.from, from);
  assert.match(mail.mailLine, / SMTPUTF8$/);
  const usual = await send({ mailOptions: ' SMTPUTF8' });
  assert.doesNotMatch((await taken(usual.mid))[0].mailLine, /SMTPUTF8/, 'not where nothing needs it');
  own.offers = ['8BITMIME'];
  const sent = await send(utf8);
  // No mail of ours can go to such a sender.
  await until(async () => (await told({ to: house })).original['message-id'] === `<${sent.mid}>`, { what: 'the postmaster is told' });
  assert.deepEqual((await left(sent.id)).slice(0, 2), [1, 1]);
  assert.ok(!own.mails.some((m) => m.id === `<${sent.mid}>`));
  const written = await send({ from: 'tom@partner.example', mailOptions: ' SMTPUTF8', headers: `X-Name: ${from}\r\n` });
  const report = await told({ to: 'tom@partner.example' });
  assert.equal(report.recipients[0].status, '5.6.7');
  assert.equal(report.original['message-id'], `<${written.mid}>`);
});

test('what asks for notices is passed to a server that gives them', async () => {
  own.offers = ['8BITMIME', 'DSN'];
  const sent = await send({ from: 'ute@partner.example', mailOptions: ' RET=HDRS ENVID=QQ314159',
    rcptOptions: ` NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;${alice}` });
  const [mail] = await taken(sent.mid);
  assert.match(mail.mailLine, /RET=HDRS/);
  assert.match(mail.mailLine, /ENVID=QQ314159/);
  assert.ok(own.commands.some((line) => line === `RCPT TO:<${alice}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;${alice}`), String(own.commands));
  await gone(sent.id);
  assert.equal((await inst.rows(`SELECT count(*) FROM outbox WHERE message_id = '${sent.id}'`))[0][0], '0', 'we tell nothing');
  // Of a program's mail, too, it hears what was asked for, and no more.
  own.commands = [];
  const auto = await send({ headers: 'Auto-Submitted: auto-generated\r\n' });
  await taken(auto.mid);
  assert.ok(own.commands.includes(`RCPT TO:<${alice}>`), String(own.commands));
});

test('intake and portal cannot read copies, the courier reads nothing else', async () => {
  own.say = (verb) => (verb === 'RCPT' ? '451 4.3.0 Not now' : undefined);
  const sent = await send();
  await answered(sent.id);
  const [[tenant]] = await inst.rows(`SELECT tenant_id FROM tenant WHERE slug = 'acme'`);
  const ask = (role, sql) => inst.psql(`BEGIN; SET LOCAL restante.tenant = '${tenant}';\n${sql}; ROLLBACK`, { role });
  for (const role of ['restante_intake', 'restante_portal', 'restante_ctl']) {
    assert.match((await ask(role, 'SELECT data FROM forward_chunk')).stderr, /permission denied/);
  }
  assert.match((await ask('restante_courier', 'SELECT data FROM chunk')).stderr, /permission denied/);
  assert.match((await ask('restante_courier', 'SELECT manifest FROM message')).stderr, /permission denied/);
  assert.match((await ask('restante_courier',
    `INSERT INTO outbox (tenant_id, outbox_id, kind) VALUES ('${tenant}', gen_random_uuid(), 2)`)).stderr, /row-level security/);
  assert.match((await ask('restante_courier', 'SELECT count(data) > 0 FROM forward_chunk')).stdout, /^t$/m);
  own.say = () => undefined;
  await again(sent.id);
  await gone(sent.id);
  await fs.rm(path.join(dir, 'other.key'), { force: true });
});

test('the store is whole: no half of a message, no copy without its mail', async () => {
  assert.deepEqual(await inst.rows('SELECT what, n FROM orphans(now() - interval \'1 day\') WHERE n > 0'), []);
  assert.deepEqual(await inst.rows(`SELECT forward_id FROM forward f WHERE NOT EXISTS (SELECT FROM outbox o
    WHERE o.tenant_id = f.tenant_id AND o.outbox_id = f.forward_id AND o.state = 1)`), []);
});

test('control: a courier that does not verify sends it to the wrong server', async () => {
  await must('make', ['-s', `B=${bin}`, 'skip-verify']);
  const programs = path.join(dir, 'programs');
  await fs.mkdir(programs);
  for (const name of ['restante', 'restante-keyd', 'restantectl']) {
    await fs.symlink(path.join(bin, name), path.join(programs, name));
  }
  await fs.symlink(path.join(bin, 'skip-verify/restante-courier'), path.join(programs, 'restante-courier'));
  await inst.stop({ keep: true });
  inst.bin = programs;
  await inst.start();
  await route('--authority', path.join(dir, 'other.pem'));
  const sent = await send();
  await taken(sent.mid);
});
