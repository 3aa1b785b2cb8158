// bad_input.mjs: what people, robots and bad days do to the portal and to intake: every
// form in every wrong way, limits at and past them, two clicks at once, sessions that
// ended, a full disk, a frozen database. Always a page that says what to do, never an
// error of ours, and nothing lost.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation } from '../lib/installation.mjs';
import { smtpConnect, compose, sendMail } from '../lib/smtp.mjs';
import { readPage } from '../lib/markup.mjs';
import { Visitor, forms, request, rawRequest, encodeMultipart } from '../lib/web.mjs';
import { top, descendants, isRoot, must, sleep, until } from '../lib/process.mjs';
import { pickUp, signIn, messageIds, linkPath, codeIn, wholeList } from '../lib/road.mjs';

const host = 'acme.localhost';
const alice = 'alice@acme.example';
const admin = 'admin@acme.example';
const carol = 'carol@partner.example';
const corpora = path.resolve(top, process.env.CORPORA || '../shared/corpora');
let inst;
let member;
let guest;
let link;

before(async () => {
  inst = await startInstallation();
  const notice = await sendTo(carol, 'For Carol');
  link = linkPath(notice);
  guest = (await pickUp(inst, host, carol, notice)).visitor;
  member = await signIn(inst, host, alice);
});
after(() => inst?.stop());

/** Sends a message to somebody outside; gives the notice. */
async function sendTo(address, subject) {
  const seen = await inst.catcher.mails({ to: address });
  const reply = await sendMail(inst, { from: alice, to: address, subject });
  assert.equal(reply.code, 250, reply.text);
  return inst.catcher.wait({ to: address, after: seen });
}

const clone = (visitor) => {
  const other = new Visitor(inst, visitor.host);
  other.cookies = new Map(visitor.cookies);
  return other;
};
const headers = () => ({ origin: inst.url(host, '').replace(/\/$/, ''), 'sec-fetch-site': 'same-origin' });
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };

/** A page of ours that is no error of ours. */
function fine(answer, what) {
  assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  assert.ok([200, 303, 400, 403, 404, 405, 409, 410, 413, 414, 415, 429].includes(answer.status), `${what}: ${answer.status}`);
  if (answer.status === 303) return undefined;
  try {
    return readPage(answer);
  } catch (error) {
    throw new Error(`${what}: ${answer.status}: ${error.message}`, { cause: error });
  }
}

const post = (visitor, where, body, type = urlencoded) => visitor.go(where,
  { method: 'POST', body, follow: false, headers: { ...headers(), ...type } });

test('every form empty, over-long, doubled, half, of another type', async () => {
  const everyone = [[new Visitor(inst, host), ['/', link, `${link}/wrong`, '/login', '/register']], [guest, ['/compose', '/register']], [member, ['/compose']]];
  for (const [who, places] of everyone) {
    for (const where of places) {
      const page = await who.go(where);
      const form = forms(page.text).find((f) => f.method === 'post' && !/logout/.test(f.action ?? ''));
      assert.ok(form, `a form on ${where}`);
      const action = form.action || where;
      const csrf = form.fields.csrf ?? '';
      const names = Object.keys(form.fields).filter((name) => name !== 'csrf');
      const bodies = {
        nothing: '', 'only its token': `csrf=${csrf}`,
        empty: new URLSearchParams({ csrf, ...Object.fromEntries(names.map((n) => [n, ''])) }),
        'over-long': new URLSearchParams({ csrf, ...Object.fromEntries(names.map((n) => [n, 'x'.repeat(Math.floor(60000 / names.length))])) }),
        doubled: names.map((n) => `${n}=a&${n}=b`).join('&') + `&csrf=${csrf}&csrf=${csrf}`,
        controls: names.map((n) => `${n}=a%01b%0d%0ac%1b%ff`).join('&') + `&csrf=${csrf}`,
        'a NUL': names.map((n) => `${n}=a%00b`).join('&') + `&csrf=${csrf}`,
        'bad escapes': names.map((n) => `${n}=%zz%`).join('&') + `&csrf=${csrf}`,
        'names alone': names.join('&'), garbage: '\0\xff&&==&=&%', 'too many fields': 'a=1&'.repeat(101), 'at the limit of fields': 'a=1&'.repeat(99) + `csrf=${csrf}`,
      };
      for (const [what, body] of Object.entries(bodies)) fine(await post(who, action, String(body)), `${where} ${what}`);
      const whole = encodeMultipart({ ...form.fields, csrf }, [{ name: 'files', filename: 'a.txt', content: 'abc' }]);
      for (const [what, body] of [['cut off', whole.body.subarray(0, -10)], ['cut in a header', whole.body.subarray(0, 60)], ['empty', ''],
        ['with something behind', Buffer.concat([whole.body, Buffer.from('more')])]]) {
        assert.equal(fine(await post(who, action, body, { 'content-type': whole.type }), `${where} multipart ${what}`) && 1, 1);
      }
      for (const type of ['text/plain', 'application/json', 'multipart/form-data', 'multipart/form-data; boundary=""', '']) {
        fine(await post(who, action, '{}', { 'content-type': type }), `${where} ${type}`);
      }
      fine(await post(who, action, 'x'.repeat(64 * 1024), urlencoded), `${where} at the limit`);
    }
  }
  assert.equal((await member.go('/inbox')).status, 200, 'still signed in');
  assert.equal((await guest.go('/inbox')).status, 200, 'still a guest');
});

test('unknown paths, other methods and strange queries', async () => {
  const id = messageIds((await member.go('/sent')).text)[0];
  for (const where of ['/nothing', '/message', '/message/', '/message/x', `/message/${id}x`, `/message/${id.toUpperCase()}`, `/message/${id}/part/`, `/message/${id}/part/-1`,
    `/message/${id}/part/99999999999`, `/message/${id}/part/1x`, '/m/', '/m/x', '/m/0000-0000', `/m/${'x'.repeat(300)}`, '/..', '/assets/../x', '/assets/x/y', '/%00', '/%2e%2e/etc/passwd',
    '/inbox//', '/compose?reply=x', `/compose?reply=${id.replace(/.$/, '0')}`, '/robots.txt/x']) {
    const answer = await member.go(where, { follow: false });
    assert.ok([303, 400, 404].includes(answer.status) || (answer.status === 200 && /part\/0|compose|toUpper/.test(where)) || where.includes(id.toUpperCase()), `${where}: ${answer.status}`);
    if (answer.headers['content-type']?.includes('html') && answer.status !== 303) readPage(answer);
  }
  for (const before of ['abc', '-1', '0', '1', '9999999999999999', '9223372036854775807', '99999999999999999999999', '1e9', '%00', '1&before=2', "'%20OR%201=1--"]) {
    for (const list of ['/inbox', '/sent']) {
      const answer = await member.go(`${list}?before=${before}`);
      assert.equal(answer.status, before === '%00' ? 400 : 200, `${list}?before=${before}: ${answer.text.slice(0, 200)}`);
      readPage(answer);
    }
  }
  for (const query of ['?', '?note=<script>', '?note=sent&note=sent', `?${'a=b&'.repeat(101)}`, '?again', `?address=${'x'.repeat(1500)}`, '?pickup="><script>alert(1)</script>']) {
    for (const where of ['/', '/login', '/check', '/inbox', link]) fine(await member.go(where + query.replace(/[<>"]/g, encodeURIComponent)), where + query);
  }
  for (const [method, status] of [['PUT', 405], ['DELETE', 405], ['PATCH', 405], ['BREW', 501], ['OPTIONS', 204]]) {
    const answer = await member.go('/inbox', { method, headers: headers() });
    assert.equal(answer.status, status, method);
    if (status !== 501) assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS', method);
  }
  assert.equal((await member.go(`/?a=${'x'.repeat(9000)}`)).status, 414);
  const wrongWay = await post(member, '/inbox', '');
  assert.equal(wrongWay.status, 405);
  assert.equal(wrongWay.headers.allow, 'GET, HEAD, OPTIONS');
  assert.equal((await member.go('/inbox', { method: 'HEAD' })).body.length, 0);
});

/** The compose form, filled: the answer (not followed). */
async function write(visitor, fields, files = []) {
  await visitor.go('/compose');
  return visitor.submit({ to: admin, subject: 's', body: 'b', ...fields }, { which: '/compose', files, follow: false });
}

const sentId = (answer) => {
  assert.equal(answer.status, 303, answer.text.slice(0, 2000));
  return answer.headers.location.match(/^\/message\/([0-9a-f-]{36})\/track/)[1];
};
const problem = (answer) => readPage(answer).all('p').find((p) => p.attributes.class === 'problem')?.text ?? '';
const mib = 1024 * 1024;

test('files: at and past their size and number; what was typed stays', async () => {
  const content = Buffer.alloc(10 * mib, 'restante');
  const id = sentId(await write(member, { subject: 'ten' }, [{ name: 'files', filename: 'ten.bin', content }]));
  const page = readPage(await member.go(`/message/${id}`));
  const href = page.all('a').map((a) => a.attributes.href).find((h) => /part/.test(h));
  assert.ok((await member.go(href)).body.equals(content));
  const file = (n) => ({ name: 'files', filename: `f${n}.txt`, content: String(n) });
  const twenty = Array.from({ length: 20 }, (_, n) => file(n));
  const many = readPage(await member.go(`/message/${sentId(await write(member, {}, twenty))}`));
  assert.equal(many.all('a').filter((a) => /part/.test(a.attributes.href)).length, 20);
  const typed = { to: `${admin}, ${carol}`, subject: 'kept "subject"', body: '\nkept <text>\n\nwith lines' };
  for (const [files, status, words] of [[[{ name: 'files', filename: 'x', content: Buffer.concat([content, Buffer.from('1')]) }], 413, /too big/],
    [[...twenty, file(20)], 400, /too many files/]]) {
    const answer = await write(member, typed, files);
    assert.equal(answer.status, status);
    assert.match(problem(answer), words);
    const again = readPage(answer);
    assert.equal(again.find('input', 'name', 'to').attributes.value, typed.to);
    assert.equal(again.find('input', 'name', 'subject').attributes.value, typed.subject);
    assert.equal(again.find('textarea').text.replace(/\r/g, ''), typed.body);
  }
});

test('an upload over the limit gets its page, and the next request works', async () => {
  const answer = await write(member, {}, [{ name: 'files', filename: 'x', content: Buffer.alloc(11 * mib) }]).catch((error) => error);
  assert.equal(answer.status, 413, String(answer));
  assert.match(readPage(answer).text, /larger than what can be sent/);
  assert.equal((await member.go('/inbox')).status, 200);
  const nobody = await post(new Visitor(inst, host), '/compose', Buffer.alloc(mib), urlencoded).catch((error) => error);
  assert.ok([400, 403, 413].includes(nobody.status), String(nobody));
  const lying = await rawRequest(inst, `POST /login HTTP/1.1\r\nHost: ${host}:${inst.ports.HTTPS_PORT}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99999999999\r\n\r\n`);
  assert.match(lying, /^HTTP\/1\.1 413 /);
});

test('text, subject and recipients at and past their limits', async () => {
  const text = 'x'.repeat(511) + '\n';
  sentId(await write(member, { body: text.repeat(1024).slice(0, 512 * 1024) }));
  const long = await write(member, { body: text.repeat(1024) + 'y' });
  assert.match(problem(long), /text is too long/);
  assert.ok(readPage(long).find('textarea').text.endsWith('y'));
  const id = sentId(await write(member, { subject: 'S'.repeat(998) }));
  assert.equal(readPage(await member.go(`/message/${id}`)).find('h1').text, 'S'.repeat(998));
  assert.match(problem(await write(member, { subject: 'S'.repeat(999) })), /subject/);
  assert.match(problem(await write(member, { subject: 'a\r\nBcc: x@evil.example' })), /subject/);
  for (const [to, words] of [['', /“To”/], ['nobody', /“To”/], ['a@b@c', /“To”/], [`${'l'.repeat(65)}@partner.example`, /“To”/], ['nobody@acme.example', /cannot be reached/],
    [Array.from({ length: 1001 }, (_, i) => `r${i}@partner.example`).join(','), /too many recipients/]]) {
    assert.match(problem(await write(member, { to })), words, to.slice(0, 50));
  }
  assert.match(problem(await write(member, { subject: '', body: '' })), /nothing in this message/);
  sentId(await write(member, { to: `Admin <${admin}>; ${admin}\n${admin}` }));
  assert.match(problem(await write(guest, { to: 'other@partner.example' })), /cannot be reached/);
});

test('a file without a word, a word without a file, and empty files', async () => {
  for (const [fields, files] of [[{ subject: '', body: '' }, [{ name: 'files', filename: 'a.txt', content: 'a' }]], [{ subject: '', body: 'word' }, []], [{ subject: 'only', body: '' }, []],
    [{ subject: '', body: '' }, [{ name: 'files', filename: 'empty.txt', content: '' }, { name: 'files', filename: '', content: 'nameless' }]]]) {
    const page = readPage(await member.go(`/message/${sentId(await write(member, fields, files))}`));
    for (const [i, a] of page.all('a').filter((one) => /part/.test(one.attributes.href)).entries()) {
      assert.equal((await member.go(a.attributes.href)).text, files[i].content);
    }
  }
});

test('words that are also names of attributes stay', async () => {
  for (const word of ['value', 'name', 'type', 'required', 'id']) {
    const page = readPage(await write(member, { to: word, subject: word }));
    assert.equal(page.find('input', 'name', 'subject').attributes.value, word);
    assert.equal(page.find('input', 'name', 'to').attributes.value, word);
  }
});

const escapeName = (name) => name.replace(/[\r\n"]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
const strings = path.join(corpora, 'strings/blns.json');
const present = await fs.access(strings).then(() => true, () => false);

test('naughty strings as subject, text and file name', { skip: present ? false : `no file ${strings}` }, async () => {
  const all = [...JSON.parse(await fs.readFile(strings, 'utf8'))];
  const wrong = [];
  let sent = 0;
  const one = async (visitor) => {
    for (let text; (text = all.pop()) !== undefined;) {
      try {
        const answer = await write(visitor, { subject: text, body: text }, [{ name: 'files', filename: escapeName(text) || 'empty', content: text }]);
        if (answer.status !== 303) {
          const page = readPage(answer);
          assert.equal(answer.status, 400, answer.text.slice(0, 300));
          assert.ok(/[\x00-\x1f\x7f]/.test(text), `refused: ${page.text}`);
          assert.match(problem(answer), /keep the subject/);
          continue;
        }
        sent += 1;
        await look(visitor, sentId(answer), text);
      } catch (error) {
        wrong.push(`${JSON.stringify(text)}: ${error.message}`);
      }
    }
  };
  await Promise.all([1, 2, 3].map(() => one(clone(member))));
  assert.deepEqual(wrong, []);
  assert.ok(sent > 400, `${sent} sent`);
  readPage(await member.go('/sent'));
});

/** Opens what was sent: its page is ours, the words are there, the file is what it was. */
async function look(visitor, id, text) {
  const page = readPage(await visitor.go(`/message/${id}`));
  readPage(await visitor.go(`/message/${id}/track`));
  if (/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
    assert.equal(page.find('h1').text, text);
    assert.ok(page.find('div', 'class', 'text').text.includes(text), page.text);
  }
  const href = page.all('a').map((a) => a.attributes.href).find((h) => /part/.test(h));
  const got = await visitor.go(href);
  assert.equal(got.body.toString(), text);
  assert.match(got.headers['content-disposition'], /^attachment; filename="[^"\\/]+"/);
}

test('two clicks at once: on Send one message, on Register one account, on a code one reader', async () => {
  await member.go('/compose');
  const form = () => member.submit({ to: admin, subject: 'clicked twice', body: 'once' }, { which: '/compose', files: [], follow: false });
  const page = member.page;
  const twice = await Promise.all([0, 1, 2].map(() => { member.page = page; return form(); }));
  assert.equal(new Set(twice.map(sentId)).size, 1, 'one message');
  const changed = await (async () => { member.page = page; return member.submit({ to: admin, subject: 'clicked twice', body: 'changed' }, { which: '/compose', files: [], follow: false }); })();
  assert.notEqual(sentId(changed), sentId(twice[0]), 'what was changed is another message');
  const list = await wholeList(member, '/sent');
  assert.equal(list.match(/clicked twice/g).length, 2);

  const notice = await sendTo('dora@partner.example', 'For Dora');
  const dora = new Visitor(inst, host);
  await dora.go(linkPath(notice));
  const seen = await inst.catcher.mails({ to: 'dora@partner.example' });
  await dora.submit({ address: 'dora@partner.example' }, { which: /name="address"/ });
  const code = codeIn(await inst.catcher.wait({ to: 'dora@partner.example', subject: /code/i, after: seen }));
  const codePage = dora.page;
  const both = [clone(dora), clone(dora)];
  const codes = await Promise.all(both.map((v) => { v.page = codePage; v.path = dora.path; return v.submit({ code }, { which: /name="code"/ }); }));
  codes.forEach((answer) => fine(answer, 'a code twice'));
  const winner = both.find((v, i) => /For Dora/.test(codes[i].text));
  assert.ok(winner, `one of them reads: ${codes.map((c) => [c.status, readPage(c).text])}`);

  await winner.go('/register');
  const register = winner.page;
  const password = 'a long enough pass phrase';
  const regs = [clone(winner), clone(winner)];
  const made = await Promise.all(regs.map((v) => { v.page = register; v.path = '/register'; return v.submit({ name: 'Dora', password, password2: password }, { which: /name="password2"/ }); }));
  made.forEach((answer) => fine(answer, 'an account twice'));
  assert.equal((await inst.rows(`SELECT count(*) FROM account WHERE address_key = 'dora@partner.example'`))[0][0], '1');
  const back = await signIn(inst, host, 'dora@partner.example', password);
  assert.match((await back.go('/inbox')).text, /For Dora/);
  assert.match(back.page.text, /Dora|inbox/i);
});

test('names and passwords at and past their limits', async () => {
  const notice = await sendTo('finn@partner.example', 'For Finn');
  const { visitor } = await pickUp(inst, host, 'finn@partner.example', notice);
  const attempt = async (fields) => {
    await visitor.go('/register');
    return visitor.submit({ name: 'Finn', ...fields }, { which: /name="password2"/, follow: false });
  };
  const p = (n) => ({ password: 'q w'.repeat(100).slice(0, n), password2: 'q w'.repeat(100).slice(0, n) });
  assert.match(problem(await attempt(p(11))), /at least 12 characters/);
  assert.match(problem(await attempt(p(257))), /256 characters/);
  assert.match(problem(await attempt({ ...p(20), password2: 'another one here' })), /not the same/);
  assert.match(problem(await attempt({ ...p(30), name: '\u00e4'.repeat(101) })), /at most 100 characters/);
  assert.match(problem(await attempt({ ...p(30), name: 'a\r\nb' })), /one line/);
  const done = await attempt({ ...p(256), name: '\u00e4'.repeat(100) });
  assert.equal(done.status, 303, done.text);
  assert.equal((await (await signIn(inst, host, 'finn@partner.example', p(256).password)).go('/inbox')).status, 200);
  assert.equal((await inst.rows(`SELECT name FROM account WHERE address_key = 'finn@partner.example'`))[0][0], '\u00e4'.repeat(100));
});

test('after sign-out: nothing comes back, and text that was being written is kept', async () => {
  const eve = await signIn(inst, host, alice);
  const tab = clone(eve);
  const first = await tab.go('/compose');
  assert.equal(first.headers['cache-control'], 'no-store');
  await eve.go('/logout');
  await eve.submit({}, { which: '/logout' });
  for (const where of ['/inbox', '/sent', '/compose', '/settings']) {
    const answer = await tab.go(where, { follow: false });
    assert.equal(answer.status, 303, where);
    assert.match(answer.headers.location, /^\/login/);
  }
  tab.page = first;
  const late = await tab.submit({ to: admin, subject: 'late', body: 'typed for an hour <b>' }, { which: '/compose', files: [], follow: false });
  assert.equal(late.status, 403);
  assert.match(late.text, /signed out meanwhile/);
  assert.equal(readPage(late).find('textarea').text, 'typed for an hour <b>');
});

test('a session that ended in the middle of writing: the text is on the page', async () => {
  const dan = await signIn(inst, host, alice);
  const page = await dan.go('/compose');
  await inst.rows(`UPDATE session SET expires = now() - interval '1 second', last_seen = now() - interval '13 hours' WHERE kind = 3
    AND created = (SELECT max(created) FROM session WHERE kind = 3 AND address = '${alice}')`);
  dan.page = page;
  const answer = await dan.submit({ to: admin, subject: 'x', body: 'still here' }, { which: '/compose', files: [], follow: false });
  assert.equal(answer.status, 403);
  assert.equal(readPage(answer).find('textarea').text, 'still here');
  assert.equal((await dan.go('/inbox', { follow: false })).status, 303);
  assert.equal((await member.go('/inbox', { follow: false })).status, 200, 'other sessions go on');
});

test('fifty rows are one page, the next is behind a link', async () => {
  const box = 'pages@partner.example';
  const notice = await sendTo(box, 'row 0');
  const session = await smtpConnect(inst, { auth: alice });
  for (let i = 1; i < 50; i++) {
    assert.equal((await session.mail({ from: alice, to: box, data: compose({ from: alice, to: box, subject: `row ${i}` }) })).code, 250);
  }
  const { visitor } = await pickUp(inst, host, box, notice);
  const full = readPage(await visitor.go('/inbox'));
  assert.equal(messageIds(visitor.page.text).length, 50);
  assert.ok(!full.all('a').some((a) => /before=/.test(a.attributes.href)), 'fifty need no link');
  assert.equal((await session.mail({ from: alice, to: box, data: compose({ from: alice, to: box, subject: 'row 50' }) })).code, 250);
  await session.quit();
  const page = readPage(await visitor.go('/inbox'));
  assert.equal(messageIds(visitor.page.text).length, 50);
  const next = page.all('a').find((a) => /before=/.test(a.attributes.href)).attributes.href;
  const last = readPage(await visitor.go(next));
  assert.equal(messageIds(visitor.page.text).length, 1);
  assert.match(last.text, /row 0/);
});

test('ten guests at once', async () => {
  const people = Array.from({ length: 10 }, (_, i) => `guest${i}@partner.example`);
  const session = await smtpConnect(inst, { auth: alice });
  const reply = await session.mail({ from: alice, to: people, data: compose({ from: alice, to: 'all', subject: 'to ten' }) });
  assert.equal(reply.code, 250, reply.text);
  await session.quit();
  await Promise.all(people.map(async (address) => {
    const { page } = await pickUp(inst, host, address, await inst.catcher.wait({ to: address, timeout: 60000 }));
    assert.match(page.text, /to ten/, address);
  }));
});

test('twenty code mails an hour; the next is a page that says so, and no mail', async () => {
  const box = 'codes@partner.example';
  const notice = await sendTo(box, 'codes');
  const visitor = new Visitor(inst, host);
  await visitor.go(linkPath(notice));
  let last;
  for (let i = 0; i < 22; i++) {
    await visitor.go(`${linkPath(notice)}?again`);
    last = await visitor.submit({ address: box }, { which: /name="address"/ });
    fine(last, `code ${i}`);
  }
  const codes = async () => (await inst.catcher.mails({ to: box })).filter((mail) => /code/i.test(mail.subject)).length;
  await until(async () => (await codes()) >= 20);
  await sleep(500);
  assert.equal(await codes(), 20);
});

test('twenty passwords an hour, then the page says when the next try is possible', async () => {
  const visitor = new Visitor(inst, host);
  const box = 'nobody@partner.example';
  let page;
  for (let i = 0; i < 20; i++) {
    await visitor.go('/login');
    page = await visitor.submit({ address: box, password: `wrong password ${i}` }, { which: /name="password"/ });
    assert.equal(page.status, 403, `try ${i}: ${page.text.slice(0, 200)}`);
  }
  page = await visitor.submit({ address: box, password: 'one more' }, { which: /name="password"/ });
  assert.equal(page.status, 429);
  assert.match(problem(page), /many tries\. You can try again from \d\d:\d\d/);
  assert.ok(Number(page.headers['retry-after']) > 0);
  assert.equal((await (await signIn(inst, host, admin)).go('/inbox')).status, 200, 'others are not kept out');
});

test('a message past its time, the wrong person, and what was taken back say so', async () => {
  const notice = await sendTo('late@partner.example', 'too late');
  const { visitor } = await pickUp(inst, host, 'late@partner.example', notice);
  const id = messageIds((await visitor.go('/inbox')).text)[0];
  const wrong = new Visitor(inst, host);
  await wrong.go(`${linkPath(notice)}/wrong`);
  const bad = await wrong.submit({ pickup: '0000-0000' }, { which: /name="pickup"/ });
  assert.equal(bad.status, 400);
  assert.match(problem(bad), /not the pick-up code/);
  const told = await wrong.submit({ pickup: notice.text.match(/\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b/)[0] }, { which: /name="pickup"/ });
  assert.equal(told.status, 200, told.text);
  readPage(told);
  await inst.rows(`UPDATE message SET expires = now() - interval '1 minute' WHERE message_id = '${id}';
    UPDATE notice SET expires = now() - interval '1 minute' WHERE message_id = '${id}'`);
  const landing = await request(inst, host, linkPath(notice));
  assert.equal(landing.status, 410);
  const page = readPage(landing);
  assert.match(page.text, /no longer available/);
  assert.match(page.text, /Alice/);
  assert.ok(page.all('a').some((a) => a.attributes.href === `mailto:${alice}`), 'how to reach the sender');
  for (const where of [`/message/${id}`, `/message/${id}/raw`, `/message/${id}/part/0`, `/compose?reply=${id}`]) {
    const answer = await visitor.go(where);
    assert.equal(answer.status, 410, where);
    assert.match(readPage(answer).text, /no longer available|time is over/);
  }
  assert.doesNotMatch((await visitor.go('/inbox')).text, /too late/);
});

/** One message of n MiB by SMTP: the last reply. */
const bigMail = (n) => sendMail(inst, { from: alice, to: admin, subject: `big ${Math.random()}`, body: randomBytes(n * 512 * 1024).toString('hex').replace(/.{70}/g, '$&\r\n') });

test('no spool: 451, and well again by itself', async () => {
  const spool = path.join(inst.state, 'spool');
  await fs.rename(spool, `${spool}.away`);
  try {
    const reply = await bigMail(4);
    assert.match(reply.text, /^45[12] 4\.3\.\d /);
    assert.equal((await sendMail(inst, { from: alice, to: admin, subject: 'small' })).code, 250, 'small mail needs none');
    fine(await write(member, { body: 'no spool' }), 'small letters neither');
    const upload = await write(member, { body: 'kept?' }, [{ name: 'files', filename: 'x', content: randomBytes(mib) }]);
    assert.equal(upload.status, 503);
    readPage(upload);
  } finally {
    await fs.rename(`${spool}.away`, spool);
  }
  assert.equal((await bigMail(1)).code, 250);
});

test('a full disk under the spool: 451 or 452, and well again', { skip: isRoot ? false : 'needs root' }, async (t) => {
  const spool = path.join(inst.state, 'spool');
  if (await must('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=777', 'tmpfs', spool]).then(() => false, () => true)) return t.skip('nothing can be mounted here');
  try {
    assert.match((await bigMail(4)).text, /^45[12] 4\.3\.\d /);
    const upload = await write(member, {}, [{ name: 'files', filename: 'x', content: randomBytes(2 * mib) }]);
    assert.equal(upload.status, 503);
    readPage(upload);
    assert.equal((await sendMail(inst, { from: alice, to: admin, subject: 'small' })).code, 250);
  } finally {
    await must('umount', [spool]);
  }
  assert.equal((await bigMail(2)).code, 250);
  return undefined;
});

test('the database frozen for a while: answers are late or 451 and 503, then all is well', async () => {
  const pid = await inst.pid('postgres');
  const all = [pid, ...await descendants(pid)];
  const data = compose({ from: alice, to: admin, subject: 'while frozen' });
  const session = await smtpConnect(inst, { auth: alice });
  const signal = (name) => all.forEach((one) => { try { process.kill(one, name); } catch { /* it ended */ } });
  signal('SIGSTOP');
  let answers;
  try {
    const asked = Promise.all([session.mail({ from: alice, to: admin, data }), clone(member).go('/inbox'), request(inst, host, '/healthz'), request(inst, host, '/login')]);
    await sleep(4000);
    signal('SIGCONT');
    answers = await asked;
  } finally {
    signal('SIGCONT');
  }
  const [mail, inbox, health] = answers;
  assert.ok([250, 451].includes(mail.code), mail.text);
  assert.ok([200, 503].includes(inbox.status), String(inbox.status));
  readPage(inbox);
  assert.equal(health.status, 200, 'alive without the database');
  await until(async () => (await request(inst, host, '/readyz')).status === 200);
  const again = await session.mail({ from: alice, to: admin, data });
  assert.equal(again.code, 250, again.text);
  await session.quit();
  assert.equal((await wholeList(await signIn(inst, host, admin))).match(/while frozen/g).length, 1);
});

test('nothing of this was an error of ours', async () => {
  for (const service of ['portal', 'intake', 'courier', 'keyd']) {
    assert.doesNotMatch(await inst.log(service), /"error":"(internal|corrupt)"|complained|violation|\bpanic/, service);
    assert.equal((await inst.log(service)).match(/"event":"serving"/g)?.length ?? 1, 1, `${service} was never begun again`);
  }
});
