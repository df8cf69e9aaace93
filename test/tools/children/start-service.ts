/** Starts the service in the folder that it is told, as tests do, and waits to be killed: it prints the service's process id. */
import { argv, stdout } from 'node:process';
import { install, startService } from '../../helpers/service.ts';

const { child } = await startService(await install(argv[2] ?? ''));
stdout.write(`${child.pid}\n`);
