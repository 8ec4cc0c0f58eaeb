(browser, conversation, ...rest) => {
  let key = localStorage.getItem('tastemaker-browser');
  if (!key) {
    key = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
    localStorage.setItem('tastemaker-browser', key);
  }
  return [key, new URLSearchParams(location.search).get('c') || '', ...rest];
}
