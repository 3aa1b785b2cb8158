// links.mjs: a mailed link locates and does nothing else: robots that fetch it, post
// to it and press its buttons; links that are mistyped, unknown, or somebody else's.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { sendMail } from '../lib/smtp.mjs';
import { pickUp, linkPath } from '../lib/road.mjs';
import { request, forms, Visitor } from '../lib/web.mjs';
import { sleep } from '../lib/process.mjs';

const host = 'acme.localhost';
let inst;
let link;

before(async () => {
  inst = await startInstallation();
  const reply = await sendMail(inst, { from: 'alice@acme.example', to: 'carol@partner.example', subject: 'For you' });
  assert.equal(reply.code, 250);
  link = linkPath(await inst.catcher.wait({ to: 'carol@partner.example' }));
});
after(() => inst?.stop());

/** Everything a robot could have changed. */
async function state() {
  const counts = await inst.rows(`SELECT (SELECT count(*) FROM session), (SELECT count(*) FROM event),
    (SELECT count(*) FROM outbox), (SELECT string_agg(state::text || coalesce(first_displayed::text, ''), ',') FROM reader)`);
  return JSON.stringify(counts);
}

async function robotPost(body, type = 'application/x-www-form-urlencoded', headers = {}) {
  return request(inst, host, link, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
}

test('a hundred rounds of HEAD, GET, POST and pressed buttons change nothing', async () => {
  await inst.catcher.wait({ to: 'carol@partner.example' });
  await sleep(500);
  const before = await state();
  const mails = (await inst.catcher.mails()).length;
  for (let i = 0; i < 100; i++) {
    for (const method of ['HEAD', 'GET']) {
      const got = await request(inst, host, link, { method });
      assert.equal(got.status, 200);
      assert.equal(got.headers['set-cookie'], undefined, `${method} sets a cookie`);
    }
    const posts = [await robotPost(''), await robotPost('x=1'), await robotPost('address='),
      await robotPost('code=AAAA-AAAA'), await robotPost('address=&code=AAAAAAAA&csrf=x')];
    for (const got of posts) {
      assert.ok(got.status >= 200 && got.status < 500, `POST gives ${got.status}`);
      assert.equal(got.headers['set-cookie'], undefined, 'POST sets a cookie');
    }
  }
  const page = await request(inst, host, link);
  for (const form of forms(page.text)) {
    const body = new URLSearchParams(form.fields).toString();
    await request(inst, host, form.action || link, { method: form.method.toUpperCase(),
      ...(form.method === 'post' ? { body } : {}),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: inst.url(host, '').slice(0, -1) } });
  }
  await sleep(1500);
  assert.equal(await state(), before);
  assert.equal((await inst.catcher.mails()).length, mails, 'no mail was sent');
});

test('the address of somebody else gets the same answer, and no mail', async () => {
  const mails = (await inst.catcher.mails()).length;
  const right = new Visitor(inst, host);
  const wrong = new Visitor(inst, host);
  await wrong.go(link);
  const page = await wrong.submit({ address: 'mallory@evil.example' }, { which: /name="address"/ });
  await sleep(1500);
  assert.equal((await inst.catcher.mails()).length, mails);
  await right.go(link);
  const same = await right.submit({ address: 'carol@partner.example' }, { which: /name="address"/ });
  const plain = (text) => text.replaceAll('mallory@evil.example', 'A').replaceAll('carol@partner.example', 'A')
    .replace(/\d\d:\d\d/g, 'T').replace(/\b[0-9A-HJKMNP-TV-Z]{3}\b/g, 'R').replace(/name="csrf" value="[^"]*"/g, 'C');
  assert.equal(page.status, same.status);
  assert.equal(plain(page.text), plain(same.text));
});

test('a mistyped link, an unknown code and a foreign path have pages of their own', async () => {
  const wrong = link.slice(0, -3) + (link.endsWith('zzz') ? 'yyy' : 'zzz');
  const mistyped = await request(inst, host, wrong);
  const unknown = await request(inst, host, '/m/ZZZZZZZZ');
  const rubbish = await request(inst, host, '/m/%2e%2e%2f%00');
  for (const page of [mistyped, unknown]) {
    assert.equal(page.status, 404);
    assert.match(page.text, /<h1/);
  }
  assert.ok(rubbish.status === 404 || rubbish.status === 400);
  assert.notEqual(mistyped.text, unknown.text);
  assert.doesNotMatch(mistyped.text + unknown.text, /For you/);
});

test('a link in capitals still works', async () => {
  const [, code] = link.split('/m/');
  const page = await request(inst, host, `/m/${code.toUpperCase()}`);
  assert.equal(page.status, 200);
  assert.match(page.text, /Alice Example/);
});

test('the pick-up code typed on the first page leads to the same place', async () => {
  const visitor = new Visitor(inst, host);
  await visitor.go('/');
  const code = link.split('/m/')[1].split('-')[0];
  const page = await visitor.submit({ pickup: `${code.slice(0, 4)} ${code.slice(4).toLowerCase()}` }, { which: /name="pickup"/ });
  assert.match(page.text, /Alice Example/);
});

test('somebody else is told so only after proving who they are', async () => {
  const sent = await sendMail(inst, { from: 'alice@acme.example', to: 'dan@partner.example', subject: 'For Dan' });
  assert.equal(sent.code, 250);
  const notice = await inst.catcher.wait({ to: 'dan@partner.example' });
  const dan = await pickUp(inst, host, 'dan@partner.example', notice);
  assert.match(dan.page.text, /For Dan/);
  const foreign = await dan.visitor.go(link);
  assert.equal(foreign.status, 403);
  assert.match(foreign.text, /somebody else/i);
  assert.doesNotMatch(foreign.text, /For you/);
  const nobody = await request(inst, host, link);
  assert.doesNotMatch(nobody.text, /somebody else/i);
});

test('wrong codes get one same answer, are counted, and then even the right one is dead', async () => {
  const visitor = new Visitor(inst, host);
  await visitor.go(link);
  const seen = await inst.catcher.mails({ to: 'carol@partner.example' });
  await visitor.submit({ address: 'carol@partner.example' }, { which: /name="address"/ });
  const mail = await inst.catcher.wait({ to: 'carol@partner.example', subject: /code/i, after: seen });
  const code = mail.text.match(/\b([0-9A-Z]{4}-[0-9A-Z]{4})\b/)[1];
  for (let i = 0; i < 5; i++) {
    const page = await visitor.submit({ code: 'ZZZZ-ZZZ0' }, { which: /name="code"/ });
    assert.match(page.text, /name="code"/);
  }
  const page = await visitor.submit({ code }, { which: /name="code"/ });
  assert.match(page.text, /name="code"/, 'the sixth try is too late');
  assert.doesNotMatch(page.text, /For you/);
});

test('a code belongs to the browser that asked', async () => {
  const one = new Visitor(inst, host);
  const two = new Visitor(inst, host);
  for (const visitor of [one, two]) await visitor.go(link);
  const seen = await inst.catcher.mails({ to: 'carol@partner.example' });
  await one.submit({ address: 'carol@partner.example' }, { which: /name="address"/ });
  const mail = await inst.catcher.wait({ to: 'carol@partner.example', subject: /code/i, after: seen });
  const code = mail.text.match(/\b([0-9A-Z]{4}-[0-9A-Z]{4})\b/)[1];
  await two.submit({ address: 'mallory@evil.example' }, { which: /name="address"/ });
  const stolen = await two.submit({ code }, { which: /name="code"/ });
  assert.doesNotMatch(stolen.text, /For you/);
  const right = await one.submit({ code }, { which: /name="code"/ });
  assert.match(right.text, /For you/);
});
