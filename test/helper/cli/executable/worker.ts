import { parentPort, workerData } from "node:worker_threads";
import koffi from "koffi";

const getpid = koffi.load(null).func("int getpid()") as () => number;
parentPort?.postMessage({ greeting: `${String(workerData)} from a worker`, pid: getpid() });
