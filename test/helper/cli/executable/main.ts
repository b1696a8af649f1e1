// A small program with the parts that are hard to get into one file: FFI in the main thread and in a worker, and the
// interface's files.
import koffi from "koffi";
import { rendererFiles } from "#main/web/static-files.ts";
import { startBundledWorker } from "#runtime/resources.ts";

const getpid = koffi.load(null).func("int getpid()") as () => number;
const worker = startBundledWorker("echo", { workerData: "hello" });
worker.on("message", (message: { greeting: string; pid: number }) => {
  console.log(
    JSON.stringify({
      own: process.pid,
      main: getpid(),
      worker: message.pid,
      greeting: message.greeting,
      files: [...rendererFiles("/nowhere")]
        .map(([path, file]) => [path, file.type, text(file.encoded("identity"))])
        .sort(),
    }),
  );
});

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
