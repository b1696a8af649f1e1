import { readFileSync } from "node:fs";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** An account of /etc/passwd (passwd(5)); undefined where there is none of that name. */
export function findAccount(name: string): Account | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [account, , uid, gid] = line.split(":");
    if (account === name && uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
