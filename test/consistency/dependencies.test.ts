import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import packageFile from '../../package.json' with { type: 'json' };
import { checkout } from '../helpers/service.ts';
import { campaignOnly } from '../stack/tools.ts';

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

interface BillOfMaterials {
  readonly components: readonly { readonly purl: string; readonly hashes?: readonly unknown[] }[];
}

const permissive = ['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

const lock = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, LockedPackage>;
};
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
const shipped = locked.filter(([, { dev, devOptional }]) => dev !== true && devOptional !== true);

t.test('docs/DEPENDENCIES.md has a reason for every dependency, and for no other', async t => {
  const sections = readFileSync(join(checkout, 'docs/DEPENDENCIES.md'), 'utf8').split('\n## ');
  const { dependencies, optionalDependencies, devDependencies } = packageFile;
  for (const [title, named] of Object.entries({
    'At run time': dependencies,
    'Node itself': optionalDependencies,
    'For development': devDependencies,
  })) {
    const section = sections.find(text => text.startsWith(title)) ?? '';
    const rows = [...section.matchAll(/^\| (`.*`) \| (.+) \|$/gm)];
    const documented = rows.flatMap(([, names = '']) => names.replaceAll('`', '').split(', '));
    t.same(documented.toSorted(), Object.keys(named).toSorted(), title);
    for (const [, names, reason = ''] of rows) t.ok(reason.length > 10, `${names} has a reason`);
  }
});

t.test(
  'dependencies are pinned, locked by hash, name no registry and run no script that npm asks about',
  async t => {
    const pinned = {
      ...packageFile.dependencies,
      ...packageFile.optionalDependencies,
      ...packageFile.devDependencies,
    };
    for (const [name, version] of Object.entries(pinned)) t.match(version, /^\d+\.\d+\.\d+$/, name);
    for (const [path, { integrity, resolved }] of locked) {
      t.match(integrity, /^sha512-/, path);
      t.equal(resolved, undefined, path);
    }
    const scripted = shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    const refused = Object.entries(packageFile.allowScripts).filter(([, allowed]) => !allowed);
    t.same(
      scripted,
      refused.map(([name]) => `node_modules/${name}`),
      'each is refused by name',
    );
  },
);

t.test('what ships has a permissive licence', async t => {
  for (const [path, { license = 'none' }] of shipped)
    t.ok(permissive.includes(license), `${path}: ${license}`);
});

t.test('the bill of materials has every locked package, with its hash', { skip: campaignOnly }, async t => {
  const printed = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: checkout, encoding: 'utf8' });
  const { components } = JSON.parse(printed) as BillOfMaterials;
  const expected = new Set(
    locked.map(([path, { version }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return `pkg:npm/${name.replace('@', '%40')}@${version}`;
    }),
  );
  t.same(new Set(components.map(({ purl }) => purl)), expected);
  for (const { purl, hashes = [] } of components) t.ok(hashes.length > 0, purl);
});
