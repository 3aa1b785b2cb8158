// corpora.mjs: every message of the public sets, and nasty ones made here, comes by SMTP: it is
// refused with a clear code, or taken, opened by its reader and saved byte for byte. The sets lie
// in CORPORA/mail; files with LF alone are sent with CRLF.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation } from '../lib/installation.mjs';
import { smtpConnect } from '../lib/smtp.mjs';
import { nastyMail, tnef } from '../lib/nasty.mjs';
import { readPage } from '../lib/markup.mjs';
import { top } from '../lib/process.mjs';
import { signIn } from '../lib/road.mjs';

const host = 'acme.localhost';
const from = 'alice@acme.example';
const reader = 'admin@acme.example';
const sets = path.resolve(top, process.env.CORPORA || '../shared/corpora', 'mail');
let inst;
let session;
let visitor;

before(async () => {
  inst = await startInstallation();
  session = await smtpConnect(inst, { auth: from });
  visitor = await signIn(inst, host, reader);
});
after(async () => {
  await session?.quit();
  await inst?.stop();
});

/** The bytes as one message: the last reply. */
async function give(data) {
  for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${reader}>`, 'DATA']) {
    const reply = await session.command(line);
    assert.ok(reply.code === 250 || reply.code === 354, `${line}: ${reply.text}`);
  }
  if (data.length) return session.data(data);
  session.send('.\r\n');
  return session.reply();
}

/** Sends one; only the very same is a repetition: { reply, id, stored }. */
async function send(data, taken) {
  const ended = !data.length || data.subarray(-2).toString('latin1') === '\r\n';
  const stored = ended ? data : Buffer.concat([data, Buffer.from('\r\n')]);
  const reply = await give(data);
  const id = reply.text.match(/ Taken as ([0-9a-f-]{36})$/)?.[1];
  const same = taken.get(id);
  assert.ok(!same || same.stored.equals(stored), `taken for ${same?.what}`);
  return { reply, id, stored };
}

/** What was saved is our trace, and what was sent. */
function isSame(saved, stored) {
  const trace = saved.subarray(0, Math.max(0, saved.length - stored.length));
  return /^Received: from [^\r]+\r\n(?:\t[^\r]+\r\n)+$/.test(trace.toString('latin1')) && saved.subarray(trace.length).equals(stored);
}

/** Sends them all; then opens and saves what was taken: a list of what is wrong. */
async function road(all) {
  const taken = new Map();
  const wrong = [];
  const codes = {};
  for (const { what, data, code } of all) {
    const { reply, id, stored } = await send(data, taken);
    codes[reply.code] = (codes[reply.code] ?? 0) + 1;
    if (reply.code === 250 ? !id : !/^55\d 5\.\d+\.\d+ \w+/.test(reply.text)) wrong.push(`${what}: ${reply.text}`);
    if (code && reply.code !== code) wrong.push(`${what}: not ${code} but ${reply.text}`);
    if (id) taken.set(id, { what, stored });
  }
  const left = [...taken];
  await Promise.all(Array.from({ length: 4 }, async () => {
    for (let next; (next = left.shift());) {
      const [id, { what, stored }] = next;
      try {
        const answer = await visitor.go(`/message/${id}`);
        assert.equal(answer.status, 200, answer.text.slice(0, 300));
        readPage(answer);
        const raw = await visitor.go(`/message/${id}/raw`);
        assert.equal(raw.status, 200);
        assert.ok(isSame(raw.body, stored), 'saved byte for byte');
        for (const [, part] of answer.text.matchAll(/href="(\/message\/[^"]+\/part\/\d+)"/g)) {
          if (/\/part\/([0-9]|1\d)$/.test(part)) assert.equal((await visitor.go(part)).status, 200, part);
        }
      } catch (error) {
        wrong.push(`${what}: ${error.message}`);
      }
    }
  }));
  console.log(`said: ${all.length} messages: ${Object.entries(codes).map(([code, n]) => `${n} times ${code}`).join(', ')}; ${taken.size} opened and saved`);
  return wrong;
}

async function files(dir) {
  const found = [];
  for (const entry of await fs.readdir(dir, { withFileTypes: true })) {
    const where = path.join(dir, entry.name);
    if (entry.isDirectory()) found.push(...await files(where));
    else if (!/_decoded|\.xml$|\.out$|\.md$|^(.*-)?LICENSE|^README/i.test(entry.name)) found.push(where);
  }
  return found.sort();
}

test('the check sees one octet that differs', () => {
  const stored = Buffer.from('Subject: x\r\n\r\ny\r\n');
  const saved = Buffer.concat([Buffer.from('Received: from a\r\n\tby b\r\n\tid c\r\n'), stored]);
  assert.equal(isSame(saved, stored), true);
  saved[saved.length - 3] ^= 1;
  assert.equal(isSame(saved, stored), false);
  assert.equal(isSame(saved.subarray(1), stored), false);
});

const present = await fs.access(sets).then(() => true, () => false);

test('messages of public sets', { skip: present ? false : `no folder ${sets}` }, async () => {
  const all = await Promise.all((await files(sets)).map(async (file) => {
    const data = Buffer.from((await fs.readFile(file, 'latin1')).replace(/\r?\n/g, '\r\n'), 'latin1');
    return { what: path.relative(sets, file), data, code: /\r(?!\n)|\0/.test(data.toString('latin1')) ? 550 : undefined };
  }));
  assert.ok(all.length > 0);
  assert.deepEqual(await road(all), []);
});

test('nasty messages', async () => {
  assert.ok(nastyMail.length > 300, `${nastyMail.length}`);
  assert.deepEqual(await road(nastyMail.map(([what, data, code]) => ({ what, data, code }))), []);
});

/** Sends it without more; its id. */
async function taken(lines, other = session, sender = from) {
  const data = Buffer.from([`From: <${sender}>`, ...lines, ''].join('\r\n'), 'latin1');
  const reply = await other.mail({ from: sender, to: reader, data });
  assert.equal(reply.code, 250, reply.text);
  return reply.text.match(/ Taken as ([0-9a-f-]{36})$/)[1];
}

const winmail = ['Content-Type: application/ms-tnef; name=winmail.dat', 'Content-Transfer-Encoding: base64', '', ...tnef.toString('base64').match(/.{1,60}/g)];

test('the files of a winmail.dat are listed, and each is saved', async () => {
  const id = await taken(['Subject: in winmail', 'Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'the letter', '--b', ...winmail, '--b--']);
  const page = await visitor.go(`/message/${id}`);
  assert.match(page.text, /the letter/);
  const links = [...page.text.matchAll(/href="(\/message\/[^"]+\/part\/\d+)"/g)].map(([, href]) => href);
  assert.equal(links.length, 3);
  for (const name of ['winmail.dat', 'a\u0430.txt', 'l\u00e9ng.pdf']) assert.ok(page.text.includes(`>${name}<`), name);
  const got = await Promise.all(links.map((href) => visitor.go(href)));
  assert.ok(got[0].body.equals(tnef));
  assert.equal(got[1].text, 'first file');
  assert.equal(got[2].text, '<object>');
  const rest = await visitor.go(links[2], { headers: { range: 'bytes=3-5' } });
  assert.equal(rest.status, 206);
  assert.equal(rest.text, 'jec');
});

test('the text of a winmail.dat is shown where there is none beside it', async () => {
  const page = await visitor.go(`/message/${await taken(['Subject: all in winmail', ...winmail])}`);
  assert.match(page.text, /<p>The text\.<\/p>/);
});

test('of what a stranger sent its reader is told how it came', async () => {
  const stranger = 'someone@odd.example';
  for (const [secure, words] of [['starttls', /received over TLSv1\.3 from 127\.0\.0\.1</], ['none', /received without encryption from 127\.0\.0\.1</]]) {
    const other = await smtpConnect(inst, { secure });
    const id = await taken([`Subject: ${secure}`, '', secure], other, stranger);
    await other.quit();
    assert.match((await visitor.go(`/message/${id}`)).text, words);
  }
  const known = await visitor.go(`/message/${await taken(['Subject: known', '', 'x'])}`);
  assert.doesNotMatch(known.text, /received (over|without)/);
});

test('a name that is an address is not shown as who wrote', async () => {
  const other = await smtpConnect(inst);
  for (const name of ['alice@acme.example', 'Alice alice\uff20acme.example', 'alice\ufe6bacme.example']) {
    const word = `=?utf-8?B?${Buffer.from(name).toString('base64')}?=`;
    const data = Buffer.from(`From: ${word} <someone@odd.example>\r\nSubject: ${word}\r\n\r\nx\r\n`);
    const reply = await other.mail({ from: 'someone@odd.example', to: reader, data });
    const { text } = await visitor.go(`/message/${reply.text.match(/ Taken as ([0-9a-f-]{36})$/)[1]}`);
    assert.match(text, /<b>someone@odd\.example<\/b>/);
    assert.equal(text.split(name).length - 1, 2, 'in the title and the heading alone');
  }
  await other.quit();
});

test('nothing of this was an error of ours', async () => {
  for (const service of ['intake', 'portal', 'courier', 'keyd']) {
    const log = await inst.log(service);
    assert.doesNotMatch(log, /"error":"(internal|corrupt)"|complained|violation|\bpanic/, service);
  }
});
