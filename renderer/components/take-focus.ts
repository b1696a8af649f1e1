/** For what takes the place of the control that a person just used: the focus would be lost with it. */
export function takeFocus(element: HTMLElement): void {
  element.focus();
}
