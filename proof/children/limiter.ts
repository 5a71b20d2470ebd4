/** Fills a limiter with addresses and tells how much memory that took. */
import { fillLimiter } from '../limiter.js';

process.stdout.write(JSON.stringify(fillLimiter({ addresses: Number(process.argv[2]) })));
