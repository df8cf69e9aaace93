import t from 'tap';
import { Exemplars } from '../../telemetry/exemplars.ts';

const name = 'http_request_duration_seconds';
const spanOf = (digit: string) => ({ traceId: digit.repeat(32), spanId: digit.repeat(16) });
const [first, second, third] = [spanOf('1'), spanOf('2'), spanOf('3')];

t.test('each bucket keeps its last', async t => {
  const exemplars = new Exemplars();
  t.same(exemplars.of(name, []), []);
  exemplars.note(name, [], 0.001, first);
  exemplars.note(name, [], 0.0011, second);
  exemplars.note(name, [], 0.004, third);
  exemplars.note(name, [], 5, first);
  const noted = exemplars.of(name, []);
  t.match(noted[0], { ...first, value: 0.001 }, 'a bound belongs to its bucket');
  t.match(noted[1], { ...third, value: 0.004 });
  t.match(noted[6], { ...first, value: 5 }, '+Inf');
  t.equal(noted.length, 7);
});

t.test('series are apart, and no more than a thousand', async t => {
  const exemplars = new Exemplars();
  for (let status = 0; status < 2000; status++) {
    exemplars.note('http_server_request_duration', ['GET', '/secret/*', status], 1, first);
  }
  t.equal(exemplars.of('http_server_request_duration', ['GET', '/secret/*', 999]).length > 0, true);
  t.same(exemplars.of('http_server_request_duration', ['GET', '/secret/*', 1000]), []);
  t.same(exemplars.of(name, []), []);
});
