// upload.mjs: the long form of the upload through a killed portal: UPLOAD_MIB (2048).
import { test } from 'node:test';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { uploadRoad } from '../lib/upload.mjs';

const mib = Number(process.env.UPLOAD_MIB) || 2048;

test(`${mib} MiB up through a killed portal, and down in two pieces`, { timeout: 3600e3 }, async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'film-'));
  try {
    await uploadRoad(mib, dir);
  } finally {
    await fs.rm(dir, { recursive: true, force: true });
  }
});
