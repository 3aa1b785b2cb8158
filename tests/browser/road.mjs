// road.mjs: the whole road on real parts, as people walk it, for both demo tenants:
// a mail by SMTP, the notice, the code, reading, an account, the answer, the receipt.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { startInstallation, demoPassword } from '../lib/installation.mjs';
import { launchBrowser, newPerson, phone } from '../lib/browser.mjs';
import { run } from '../lib/process.mjs';

let inst;
let browser;
let dir;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
  inst = await startInstallation();
  browser = await launchBrowser();
  dir = await fs.mkdtemp(path.join(os.tmpdir(), 'road-'));
});
after(async () => {
  await browser?.close();
  await inst?.remove();
  if (dir) await fs.rm(dir, { recursive: true, force: true });
});

/** The link of a notice, with the port it was given for. */
const linkOf = (mail) => mail.text.match(/https:\/\/\S+\/m\/\S+/)[0];
const codeOf = (mail) => mail.text.match(/\b([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})\b/)[1];

const press = (page, name) => Promise.all([
  page.waitForNavigation(), page.getByRole('button', { name }).first().click()]);
const follow = (page, name) => Promise.all([
  page.waitForNavigation(), page.getByRole('link', { name }).first().click()]);

async function download(page, row) {
  const [got] = await Promise.all([page.waitForEvent('download'), row.click()]);
  return fs.readFile(await got.path());
}

/** What every page must be: one heading, in its language, without sideways scrolling. */
async function calm(page) {
  assert.equal(await page.locator('h1').count(), 1, `one h1 on ${page.url()}`);
  assert.ok(await page.locator('html').getAttribute('lang'));
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${page.url()} is ${over} px too wide`);
}

async function signIn(page, host, address, password) {
  await page.goto(inst.url(host, '/login'));
  await page.fill('input[name=address]', address);
  await page.fill('input[name=password]', password);
  await press(page, /sign in/i);
}

async function swaks({ from, to, subject, body, attach }) {
  return run('swaks', ['--server', `127.0.0.1:${inst.ports.SMTP_PORT}`, '--tls', '--auth', 'PLAIN',
    '--auth-user', from, '--auth-password', demoPassword, '--from', from, '--to', to,
    '--header', `Subject: ${subject}`, '--body', body, '--attach', `@${attach}`]);
}

async function walk({ tenant, host, sender, senderName, recipient, screen, javaScriptEnabled }) {
  const figures = path.join(dir, `figures-${host}.bin`);
  const answer = path.join(dir, `answer-${host}.bin`);
  await fs.writeFile(figures, randomBytes(150000));
  await fs.writeFile(answer, randomBytes(90000));
  const password = `${randomBytes(9).toString('base64')} for me`;

  // The mail goes in.
  const sent = await swaks({ from: sender, to: recipient, subject: 'Quarterly figures',
    body: 'Dear Carol,\nthe figures are attached.\n', attach: figures });
  assert.equal(sent.status, 0, sent.stdout + sent.stderr);
  assert.match(sent.stdout, /<~\s+250 .*\n(?:.*\n)*.*QUIT/);

  // The notice comes out and says nothing of what is inside.
  const notice = await inst.catcher.wait({ to: recipient, text: /\/m\// });
  const source = String(await inst.catcher.source(notice.id));
  assert.doesNotMatch(source, /Quarterly|figures are attached/);
  assert.match(source, /^Auto-Submitted: auto-generated/mi);
  assert.match(notice.subject, new RegExp(`${senderName} \\(${tenant}\\) sent you a secure message`));
  assert.doesNotMatch(notice.html, /<img|<script|http:/i);

  // The recipient opens it, proves the address, reads.
  const carol = await newPerson(browser, { ...screen, javaScriptEnabled });
  const page = await carol.newPage();
  const landing = await page.goto(linkOf(notice));
  assert.equal(landing.status(), 200);
  assert.match(await page.textContent('main'), new RegExp(senderName));
  assert.equal((await carol.cookies()).length, 0, 'the landing page sets no cookie');
  await calm(page);
  await page.fill('input[name=address]', recipient.toUpperCase());
  await press(page, /code/i);
  assert.doesNotMatch(page.url(), /-/, 'the link secret has left the address bar');
  const mail = await inst.catcher.wait({ to: recipient, text: /[0-9A-Z]{4}-[0-9A-Z]{4}/, subject: /code/i });
  await calm(page);
  await page.fill('input[name=code]', 'ZZZZ-ZZZZ');
  await press(page, /read|continue/i);
  assert.ok(await page.locator('input[name=code]').count(), 'a wrong code asks again');
  await page.fill('input[name=code]', codeOf(mail).toLowerCase());
  await press(page, /read|continue/i);
  assert.match(page.url(), /\/message\/[0-9a-f-]{36}$/);
  assert.match(await page.textContent('h1'), /Quarterly figures/);
  assert.match(await page.textContent('main'), /the figures are attached/);
  await calm(page);
  const id = page.url().split('/').pop();
  const got = await download(page, page.getByRole('link', { name: /download/i }).first());
  assert.equal(sha256(got), sha256(await fs.readFile(figures)), 'the attachment came through whole');

  // The receipt names the time of reading.
  const receipt = await inst.catcher.wait({ to: sender, subject: /has read/i });
  const report = String(await inst.catcher.source(receipt.id));
  assert.match(report, /report-type="?disposition-notification/i);
  assert.match(report, /Disposition: .*displayed/i);
  assert.match(receipt.text, /\d{1,2} \w+ 20\d\d,? (?:at )?\d\d:\d\d/);
  assert.doesNotMatch(report, /Quarterly/);

  // An account, out, and in again.
  await page.goto(inst.url(host, '/register'));
  await calm(page);
  await page.fill('input[name=password]', password);
  await page.fill('input[name=password2]', password);
  await press(page, /create|account/i);
  await page.goto(inst.url(host, '/inbox'));
  await calm(page);
  assert.match(await page.textContent('main'), /Quarterly figures/);
  await press(page, /sign out/i);
  const away = await page.goto(inst.url(host, `/message/${id}`));
  assert.doesNotMatch(await page.content(), /Quarterly/, 'signed out is signed out');
  assert.notEqual(away.status(), 500);
  await signIn(page, host, recipient, `${password}x`);
  assert.ok(await page.locator('input[name=password]').count(), 'a wrong password asks again');
  await signIn(page, host, recipient, password);
  await page.goto(inst.url(host, '/inbox'));
  await follow(page, 'Quarterly figures');
  assert.match(await page.textContent('main'), /the figures are attached/);

  // The answer, with a file.
  await follow(page, /reply/i);
  await calm(page);
  await page.fill('textarea[name=body]', 'Thank you, here is my list.\n\nCarol');
  await page.setInputFiles('#files', answer);
  await press(page, /send/i);
  await page.goto(inst.url(host, '/sent'));
  await calm(page);
  assert.match(await page.textContent('main'), /Re: Quarterly figures/);

  // The sender gets a notice without a secret, reads the answer, sees the grid.
  const told = await inst.catcher.wait({ to: sender, text: /\/m\// });
  assert.doesNotMatch(linkOf(told).split('/m/')[1], /-/);
  const alice = await newPerson(browser);
  const desk = await alice.newPage();
  await signIn(desk, host, sender, demoPassword);
  await desk.goto(inst.url(host, '/inbox'));
  await follow(desk, 'Re: Quarterly figures');
  assert.match(await desk.textContent('main'), /here is my list/);
  const back = await download(desk, desk.getByRole('link', { name: /download/i }).first());
  assert.equal(sha256(back), sha256(await fs.readFile(answer)), 'the answer\'s file came through whole');
  await desk.goto(inst.url(host, `/message/${id}/track`));
  await calm(desk);
  const grid = await desk.textContent('main');
  assert.ok(grid.includes(recipient) && /figures-.*bin/.test(grid), grid);
  await inst.catcher.wait({ to: recipient, subject: /has read/i });

  // Signing out everywhere ends the other browser's session too.
  const second = await newPerson(browser);
  const other = await second.newPage();
  await signIn(other, host, recipient, password);
  await other.goto(inst.url(host, '/settings'));
  await press(other, /everywhere/i);
  await page.goto(inst.url(host, '/inbox'));
  assert.doesNotMatch(await page.content(), /Quarterly/);
  await Promise.all([carol, alice, second].map((person) => person.close()));
}

test('the road at Acme Bank, on a phone, without JavaScript', () => walk({
  tenant: 'Acme Bank', host: 'acme.localhost', sender: 'alice@acme.example', senderName: 'Alice Example',
  recipient: 'carol@partner.example', screen: phone, javaScriptEnabled: false }));

test('the road at Globex, at a desk', () => walk({
  tenant: 'Globex', host: 'globex.localhost', sender: 'bob@globex.example', senderName: 'Bob Example',
  recipient: 'dora@partner.example', screen: { viewport: { width: 1280, height: 900 } }, javaScriptEnabled: true }));

test('the raw message is what was sent, byte for byte, behind one trace header', async () => {
  const { sendMail } = await import('../lib/smtp.mjs');
  const data = 'From: alice@acme.example\r\nTo: admin@acme.example\r\nSubject: =?utf-8?q?raw?=\r\n' +
    'X-Odd:  two  spaces\t\r\nMessage-ID: <raw.1@client.example>\r\n\r\n.\r\n..dots\r\n\xe4\xf6 8 bit\r\n\r\nend';
  const bytes = Buffer.from(`${data}\r\n`, 'latin1');
  const reply = await sendMail(inst, { from: 'alice@acme.example', to: 'admin@acme.example', data: bytes });
  assert.equal(reply.code, 250, reply.text);
  const admin = await newPerson(browser);
  const page = await admin.newPage();
  await signIn(page, 'acme.localhost', 'admin@acme.example', demoPassword);
  await page.goto(inst.url('acme.localhost', '/inbox'));
  await follow(page, 'raw');
  const raw = await download(page, page.getByRole('link', { name: /save/i }).first());
  const end = raw.indexOf('\r\nFrom: alice');
  assert.match(raw.subarray(0, end).toString(), /^Received: from [\s\S]*by [\s\S]*ESMTPSA/);
  assert.ok(raw.subarray(end + 2).equals(bytes), 'the bytes after the trace are those that were sent');
  await admin.close();
});

test('all processes end cleanly, and their logs are log lines alone', async () => {
  assert.equal(await inst.stop({ keep: true }), 130);
  for (const service of ['keyd', 'portal', 'intake', 'courier']) {
    const lines = (await inst.log(service)).split('\n').filter(Boolean);
    assert.ok(lines.length > 0, `${service} logs`);
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), `${service}: ${line}`);
    const faults = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
    assert.deepEqual(faults, [], service);
  }
});
