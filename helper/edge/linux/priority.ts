import { setPriority } from "node:os";

/** Between what desktops give their sound server (-11) and the least nice (-20). */
const NICE = -15;

/**
 * Lets this thread, and every thread and program that it starts from now on, have a processor before ordinary
 * programs: what is carried is sound and video, and takes little. Only root may; for others nothing changes.
 */
export function preferToOthers(): void {
  try {
    setPriority(0, NICE);
  } catch {
    // an ordinary user, or a service manager that has chosen already
  }
}
