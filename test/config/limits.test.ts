import { join } from 'node:path';
import t from 'tap';
import { limitsOf } from '../../src/config/limits.ts';
import { loadConfig } from '../../src/config/load.ts';

const file = join(t.testdir({ 'config.toml': '' }), 'config.toml');

function limits(address: string, set: Record<string, string> = {}) {
  const variables = Object.entries(set).map(([key, value]) => [`JARVIS_SECRETSD_LIMITS_${key}`, value]);
  return limitsOf(
    loadConfig(file, { JARVIS_SECRETSD_SERVER_BIND_ADDR: address, ...Object.fromEntries(variables) }),
  );
}

const off = { client: null, address: null, failedAuthentication: null };

t.test('rates are off where only this host can reach the API, unless set', async t => {
  for (const address of ['127.0.0.1:8081', '[::1]:8081', 'localhost:8081', 'unix:///run/api.sock']) {
    t.match(limits(address), { ...off, maxConnections: 1000, maxRequests: 1000 }, address);
  }
  t.match(limits('127.0.0.1:8081', { CLIENT_RATE: '5' }), {
    ...off,
    client: { perSecond: 5, burst: 200 },
  });
});

t.test('on a network rates are on, unless set to 0', async t => {
  t.match(limits('0.0.0.0:8081'), {
    client: { perSecond: 100, burst: 200 },
    address: { perSecond: 500, burst: 1000 },
    failedAuthentication: { perSecond: 0.5, burst: 30 },
  });
  const none = { CLIENT_RATE: '0', ADDRESS_RATE: '0', FAILED_AUTHENTICATIONS: '0' };
  t.match(limits('0.0.0.0:8081', none), off);
});
