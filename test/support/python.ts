import { existsSync } from "node:fs";

/** Debian's, where it is: a version manager's shim in PATH costs a tenth of a second and may lack AF_PACKET. */
export const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
