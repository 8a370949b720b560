// The pages of logging in: a form that posts the token of a one-time link, so that a preview of the link does not use it up, and what is
// said where that is of no use. They run no script.

/** `token` is one: letters, digits, - and _. */
export function renderLoginForm(token: string): string {
  return page(
    `<p>This link logs this browser in, once.</p>
    <form method="post" action="/login"><input type="hidden" name="token" value="${token}"><button autofocus>Log in</button></form>`,
  );
}

export function renderLoginHelp(problem: string): string {
  return page(`<p>${problem}</p>
    <p>On the machine that runs kvsync, <kbd>kvsync page</kbd> prints a link that logs you in.</p>
    <p><a href="/">The page</a></p>`);
}

function page(body: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="robots" content="noindex">
    <title>kvsync: log in</title>
    <link rel="icon" href="/icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/page.css">
  </head>
  <body class="login">
    <main>
    <h1>kvsync</h1>
    ${body}
    </main>
  </body>
</html>
`;
}
