const FIRST_ROOM = 4;

/** Numbers of gateways, each once, in no order. */
export class GatewayList {
  ids = new Int32Array(FIRST_ROOM);
  count = 0;

  add(id: number): void {
    if (this.count === this.ids.length) {
      const wider = new Int32Array(2 * this.count);
      wider.set(this.ids);
      this.ids = wider;
    }
    this.ids[this.count++] = id;
  }

  remove(id: number): void {
    const at = this.ids.indexOf(id);
    if (at < 0 || at >= this.count) return;
    this.ids[at] = this.ids[--this.count]!;
    this.ids[this.count] = 0;
  }
}
