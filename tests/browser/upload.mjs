// upload.mjs: a file of UPLOAD_MIB (64) goes up in a browser while the portal is killed,
// is sent by itself when it is up, and comes down whole in two pieces.
import { test } from 'node:test';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { uploadRoad } from '../lib/upload.mjs';

const mib = Number(process.env.UPLOAD_MIB) || 64;

test(`${mib} MiB up through a killed portal, and down in two pieces`, async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'film-'));
  try {
    await uploadRoad(mib, dir);
  } finally {
    await fs.rm(dir, { recursive: true, force: true });
  }
});
