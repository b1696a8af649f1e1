/**
 * For what takes the place of the control that a person just used: the focus would be lost with it. It goes to the
 * heading, which screen readers then say; to the whole where there is none.
 */
export function takeFocus(element: HTMLElement): void {
  const heading = element.querySelector<HTMLElement>("h2, h3");
  if (heading) heading.tabIndex = -1;
  (heading ?? element).focus();
}
