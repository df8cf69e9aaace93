import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../helpers/service.ts';
import type { Podman } from './podman.ts';
import { findTool, toolsFolder } from './tools.ts';

/** Debian, as install-tools makes it in place of the image that the Dockerfile names. */
const base = join(toolsFolder, 'debian-trixie-1.tar');

/**
 * Builds the shipped Dockerfile on images made of this machine's parts, since no registry of images need be in reach: a bare
 * Debian to run on, and the same with the pinned Node and this machine's npm to install with.
 * @returns the name of the image
 */
export async function buildImage(podman: Podman): Promise<string> {
  if (!existsSync(base))
    throw new Error(`there is no ${base}: run test/stack/install-tools as root on Debian`);
  const runtimeImage = 'localhost/jarvis-runtime:test';
  await podman.run('import', '--quiet', base, runtimeImage);
  const npmImage = await buildNpmImage(podman, runtimeImage);
  const npm = npmSettings(podman.folder);
  const image = 'localhost/jarvis-secretsd:test';
  await podman.run(
    'build',
    // HEALTHCHECK is not in the OCI format.
    ...['--format', 'docker', '--network', 'host', '--layers=false', '--tag', image],
    ...['--build-arg', `NPM_IMAGE=${npmImage}`, '--build-arg', `RUNTIME_IMAGE=${runtimeImage}`],
    ...npm.flatMap(volume => ['--volume', volume]),
    checkout,
  );
  return image;
}

async function buildNpmImage(podman: Podman, runtimeImage: string): Promise<string> {
  const context = join(podman.folder, 'npm-image');
  const tree = join(context, 'tree/usr/local');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  cpSync(process.execPath, join(tree, 'bin/node'));
  const npm = realpathSync(findTool('npm') ?? '');
  cpSync(dirname(dirname(npm)), join(tree, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(tree, 'bin/npm'));
  const libraries = execFileSync('ldd', [join(tree, 'bin/node')], { encoding: 'utf8' });
  const [, libatomic = ''] = /libatomic\.so\.1 => (\S+)/.exec(libraries) ?? [];
  const triplet = dirname(libatomic).split('/').at(-1) ?? '';
  mkdirSync(join(context, 'tree/usr/lib', triplet), { recursive: true });
  cpSync(realpathSync(libatomic), join(context, 'tree/usr/lib', triplet, 'libatomic.so.1'));
  writeFileSync(join(context, 'Dockerfile'), `FROM ${runtimeImage}\nCOPY tree /\n`);
  const image = 'localhost/jarvis-npm:test';
  await podman.run('build', '--layers=false', '--tag', image, context);
  return image;
}

/** Where this machine's npm gets its packages from, as volumes of a build; what `npm ci` has fetched here is at hand. */
function npmSettings(folder: string): string[] {
  const setting = (name: string) =>
    execFileSync('npm', ['config', 'get', name], { cwd: checkout, encoding: 'utf8' }).trim();
  const isSet = (value: string) => value !== '' && value !== 'null' && value !== 'undefined';
  const lines = ['registry', 'proxy', 'https-proxy', 'strict-ssl']
    .map(name => [name, setting(name)] as const)
    .filter(([, value]) => isSet(value))
    .map(([name, value]) => `${name}=${value}`);
  const volumes = [`${setting('cache')}:/root/.npm`];
  const authorities = [setting('cafile'), process.env['NODE_EXTRA_CA_CERTS'] ?? ''].find(isSet);
  if (authorities !== undefined) {
    lines.push('cafile=/run/authorities.crt');
    volumes.push(`${authorities}:/run/authorities.crt:ro`);
  }
  const file = join(folder, 'npmrc');
  writeFileSync(file, [...lines, 'prefer-offline=true', ''].join('\n'), { mode: 0o600 });
  return [...volumes, `${file}:/root/.npmrc:ro`];
}
