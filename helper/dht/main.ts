// From the sources, the DHT's process starts here.
import { runDhtProcess } from "./run.ts";

runDhtProcess();
