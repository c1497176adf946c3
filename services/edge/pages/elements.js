/** Elements by their test id, and new ones. Text only ever becomes a text node: nothing that a server or a model says can become markup. */

export function byId(testId, root = document) {
  const element = root.querySelector(`[data-testid="${testId}"]`);
  if (element === null) throw new Error(`The page has no ${testId}.`);
  return element;
}

export function create(tag, { testId, className, text, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (testId !== undefined) element.dataset.testid = testId;
  if (className !== undefined) element.className = className;
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** Writing the same text again would make a screen reader say it again, and lose a selection. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
