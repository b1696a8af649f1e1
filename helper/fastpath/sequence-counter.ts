const WORD = 0x1_0000_0000;

/** Numbers what enters the tunnel here: (origin, epoch, counter) is never given twice. */
export class SequenceCounter {
  origin = 0;
  epoch = 0;
  counter = 0;

  start(origin: number, epoch: number): void {
    this.origin = origin;
    this.epoch = epoch;
    this.counter = 0;
  }

  next(): void {
    this.counter++;
    if (this.counter < WORD) return;
    this.counter = 0;
    this.epoch = (this.epoch + 1) >>> 0;
  }
}
