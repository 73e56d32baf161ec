// Opens another page with something to show. That page may not be mounted yet: then it reads the
// address; otherwise it hears the event.
export function openPage(name, { parameters = {}, event, detail }) {
  const address = new URL(location);
  for (const [key, value] of Object.entries(parameters)) address.searchParams.set(key, value);
  history.replaceState(history.state, "", address);
  dispatchEvent(new CustomEvent(event, { detail }));
  document.querySelector(`[role=tab][data-tab-id=${name}]`).click();
}
