// skip_code.mjs: a portal that takes every code for right cannot open pending mail: keyd
// gives nothing without its own proof. The control: the usual portal and the right code.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation, scratch } from '../lib/installation.mjs';
import { sendMail } from '../lib/smtp.mjs';
import { pickUp, linkPath } from '../lib/road.mjs';
import { Visitor } from '../lib/web.mjs';
import { bin, must } from '../lib/process.mjs';

let dir;
after(() => dir && fs.rm(dir, { recursive: true, force: true }));

/** The usual programs, with the portal that skips the code. */
async function takenPrograms() {
  await must('make', ['-s', `B=${bin}`, 'skip-code']);
  dir = await scratch('skip-code-');
  for (const name of ['restante-keyd', 'restante-courier', 'restantectl']) {
    await fs.symlink(path.join(bin, name), path.join(dir, name));
  }
  await fs.symlink(path.join(bin, 'skip-code/restante'), path.join(dir, 'restante'));
  return dir;
}

async function pending(inst) {
  const reply = await sendMail(inst, { from: 'alice@acme.example', to: 'carol@partner.example', subject: 'Pending', body: 'Untold.\r\n' });
  assert.equal(reply.code, 250);
  return inst.catcher.wait({ to: 'carol@partner.example' });
}

test('a portal that skips the code opens nothing', async () => {
  const inst = await startInstallation({ bin: await takenPrograms() });
  try {
    const notice = await pending(inst);
    const visitor = new Visitor(inst, 'acme.localhost');
    await visitor.go(linkPath(notice));
    await visitor.submit({ address: 'carol@partner.example' }, { which: /name="address"/ });
    const page = await visitor.submit({ code: 'AAAA-AAAA' }, { which: /name="code"/ });
    const [[id]] = await inst.rows('SELECT message_id FROM message');
    for (const seen of [page, await visitor.go('/inbox'), await visitor.go(`/message/${id}`), await visitor.go(`/message/${id}/raw`)]) {
      assert.doesNotMatch(seen.text, /Pending|Untold/);
    }
    const [[sessions]] = await inst.rows('SELECT count(*) FROM session WHERE kind = 2');
    assert.equal(sessions, '1', 'the portal did take the wrong code for right');
    const [[displayed]] = await inst.rows('SELECT count(*) FROM reader WHERE first_displayed IS NOT NULL');
    assert.equal(displayed, '0');
    assert.match(await inst.log('keyd'), /denied|refused/i);
  } finally {
    await inst.stop();
  }
});

test('control: the usual portal opens it with the right code', async () => {
  const inst = await startInstallation();
  try {
    const { page } = await pickUp(inst, 'acme.localhost', 'carol@partner.example', await pending(inst));
    assert.match(page.text, /Untold/);
  } finally {
    await inst.stop();
  }
});
