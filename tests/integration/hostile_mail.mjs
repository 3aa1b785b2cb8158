// hostile_mail.mjs: mail that is broken, odd or meant to do harm comes by SMTP to a member
// and to a guest: it is refused with a clear code, or it opens, shows nothing that is not
// text, and can be saved byte for byte.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { smtpConnect, compose } from '../lib/smtp.mjs';
import { hostileMail } from '../lib/hostile.mjs';
import { readPage } from '../lib/markup.mjs';
import { pickUp, signIn, messageIds } from '../lib/road.mjs';

const host = 'acme.localhost';
const from = 'alice@acme.example';
const reader = 'admin@acme.example';
const guest = 'carol@partner.example';
let inst;
let session;
let readers;

before(async () => {
  inst = await startInstallation();
  session = await smtpConnect(inst, { auth: from });
  const first = await session.mail({ from, to: guest, data: compose({ from, to: guest, subject: 'first' }) });
  assert.equal(first.code, 250, first.text);
  const { visitor } = await pickUp(inst, host, guest, await inst.catcher.wait({ to: guest }));
  readers = [await signIn(inst, host, reader), visitor];
});
after(async () => {
  await session?.quit();
  await inst?.stop();
});

/** Sends the bytes as one message to both readers: { reply, id, stored: what must have been kept }. */
async function send(data) {
  let reply;
  for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${reader}>`, `RCPT TO:<${guest}>`, 'DATA']) {
    reply = await session.command(line);
    assert.ok(reply.code === 250 || reply.code === 354, `${line}: ${reply.text}`);
  }
  if (data.length) {
    reply = await session.data(data);
  } else {
    session.send('.\r\n');
    reply = await session.reply();
  }
  const ended = !data.length || data.subarray(-2).toString('latin1') === '\r\n';
  return { reply, id: reply.text.match(/ Taken as ([0-9a-f-]{36})$/)?.[1],
    stored: ended ? data : Buffer.concat([data, Buffer.from('\r\n')]) };
}

/** The list of tasks, a few at a time. */
async function each(all, work, width = 4) {
  const left = [...all.entries()];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let next; (next = left.shift());) await work(next[1], next[0]);
  }));
}

const partLinks = (page) => page.all('a').map((a) => a.attributes.href).filter((href) => /\/part\/\d+$/.test(href));

/** A download must do nothing in a browser and be saved under a harmless name. */
function checkDownload({ status, headers }, what) {
  assert.equal(status, 200, what);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['content-security-policy'], /sandbox/);
  assert.match(headers['content-disposition'], /^attachment; filename="[^"\\/\r\n]+"(; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?$/, what);
  assert.doesNotMatch(headers['content-disposition'], /%2F|%5C|%0D|%0A|%00|%E2%80%AE|filename="\./i, what);
  assert.doesNotMatch(headers['content-type'], /[<>"]/, what);
}

/** Opens one message as one reader, saves it, and gives its page. */
async function open(visitor, { id, stored }, what) {
  const answer = await visitor.go(`/message/${id}`);
  assert.equal(answer.status, 200, `${what}: ${answer.text.slice(0, 500)}`);
  let page;
  try {
    page = readPage(answer);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`, { cause: error });
  }
  const raw = await visitor.go(`/message/${id}/raw`);
  checkDownload(raw, what);
  const trace = /^Received: from [^\r]+\r\n\tby [^\r]+\r\n\tid [^\r]+\r\n/.exec(raw.body.subarray(0, 2000).toString('latin1'));
  assert.ok(trace, `${what}: a trace field`);
  assert.ok(raw.body.subarray(trace[0].length).equals(stored), `${what}: saved byte for byte`);
  return page;
}

/** Saves the listed files: [[name, bytes]]; `few` only the first and the last. */
async function save(visitor, page, few) {
  const names = page.all('ul').find((ul) => ul.attributes.class === 'files') ? page.all('li') : [];
  const links = partLinks(page);
  assert.equal(names.length, links.length);
  const files = [];
  for (const [i, href] of links.entries()) {
    if (few && i > 0 && i < links.length - 1) continue;
    const got = await visitor.go(href);
    checkDownload(got, href);
    files[i] = [page.all('b').at(-links.length + i).text, got.body];
  }
  return files;
}

async function check(page, want, what) {
  const { subject, text, no, ambiguous, html, cut, more } = want;
  if (subject !== undefined) assert.equal(page.find('h1').text, subject, what);
  if (text !== undefined) assert.ok(page.text.includes(text), `${what}: ${JSON.stringify(page.text.slice(0, 3000))}`);
  if (no !== undefined) assert.ok(!page.text.includes(no), what);
  assert.equal(/mail programs read differently/.test(page.text), Boolean(ambiguous), `${what}: ambiguous`);
  if (html) assert.match(page.text, /written in HTML/, what);
  assert.equal(/The text goes on\./.test(page.text), Boolean(cut), `${what}: cut`);
  assert.equal(/has more in it than is listed/.test(page.text), Boolean(more), `${what}: more`);
}

async function checkFiles(visitor, page, want, what) {
  const files = await save(visitor, page, want.few);
  if (want.oneFile) {
    assert.equal(files.length, 1, what);
    assert.match(files[0][0], want.oneFile, what);
  }
  if (!want.files) return;
  assert.equal(files.length, want.files.length, `${what}: ${JSON.stringify(files.map((f) => f?.[0]))}`);
  for (const [i, [name, content]] of want.files.entries()) {
    if (!files[i]) continue;
    if (name) assert.equal(files[i][0], name, what);
    assert.ok(files[i][1].equals(Buffer.from(content)), `${what}: content of file ${i}: ${JSON.stringify(files[i][1].toString('latin1').slice(0, 200))}`);
  }
}

const taken = [];

test('hostile and broken mail: refused with a clear code, or taken', async () => {
  const wrong = [];
  for (const [what, data, want] of hostileMail) {
    const { reply, id, stored } = await send(data);
    if (reply.code !== (want.code ?? 250)) wrong.push(`${what}: ${reply.text}`);
    else if (want.code) assert.match(reply.text, /^55[04] 5\.6\.0 \w+/, what);
    if (id) taken.push({ what, want, id, stored });
  }
  assert.deepEqual(wrong, []);
  assert.equal((await session.command('NOOP')).code, 250, 'the session goes on');
});

for (const [i, who] of ['a member', 'a guest'].entries()) {
  test(`what was taken opens for ${who}, shows only text, and is saved byte for byte`, async () => {
    const wrong = [];
    await each(taken, async (one) => {
      try {
        const page = await open(readers[i], one, one.what);
        await check(page, one.want, one.what);
        await checkFiles(readers[i], page, { ...one.want, few: one.want.few }, one.what);
      } catch (error) {
        wrong.push(`${one.what}: ${error.message} ${error.actual ?? ''}`);
      }
    });
    assert.deepEqual(wrong, []);
  });
}

/** Every page of a list must be ours; gives the ids. */
async function listed(visitor) {
  const ids = [];
  for (let next = '/inbox'; next;) {
    const answer = await visitor.go(next);
    assert.equal(answer.status, 200);
    const page = readPage(answer);
    const here = messageIds(answer.text);
    assert.ok(here.length <= 50);
    ids.push(...here);
    next = page.all('a').map((a) => a.attributes.href).find((href) => /\?before=/.test(href));
    assert.equal(next !== undefined, here.length === 50, 'an older page exactly behind a full one');
  }
  return ids;
}

test('every one is listed once, newest first, on pages of at most fifty', async () => {
  for (const visitor of readers) {
    const ids = await listed(visitor);
    assert.equal(new Set(ids).size, ids.length);
    const mine = taken.map(({ id }) => id).reverse();
    assert.deepEqual(ids.filter((id) => mine.includes(id)), mine);
  }
});

test('all of them have their page of who read them', async () => {
  const alice = await signIn(inst, host, from);
  await each(taken, async ({ id, what, want }) => {
    for (const where of [`/message/${id}/track`, `/compose?reply=${id}`]) {
      const answer = await alice.go(where);
      assert.equal(answer.status, 200, what);
      const page = readPage(answer);
      if (want.subject && /track/.test(where)) assert.ok(page.text.includes(want.subject), what);
    }
  });
});

test('nothing of this was an error of ours', async () => {
  for (const service of ['intake', 'portal', 'courier', 'keyd']) {
    const log = await inst.log(service);
    assert.doesNotMatch(log, /"error":"(internal|corrupt)"|complained|violation|\bpanic/, service);
    for (const word of ['mallory', 'passwd', 'alert(1)']) assert.ok(!log.includes(word), `${service} logs ${word}`);
  }
});
