/** What a browser does with redirects, forms and cookies; it keeps cookies by host, whatever the port. */
export interface Browser {
  readonly cookies: Map<string, string>;
  /** One request, without following where it leads. */
  request(url: string, options?: PageRequest): Promise<Page>;
  /** Follows redirects, until a page, or one that `stopAt` holds for. */
  open(url: string, stopAt?: (url: string) => boolean): Promise<Page>;
}

export interface PageRequest {
  readonly method?: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
  /** Where it leads. */
  readonly location: string | undefined;
  readonly setCookies: readonly string[];
}

const maxRedirects = 12;

export function createBrowser(agent = "test browser"): Browser {
  const cookies = new Map<string, string>();

  const request: Browser["request"] = async (url, { method = "GET", form, headers = {} } = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      method,
      redirect: "manual",
      headers: { "user-agent": agent, ...(cookie === "" ? {} : { cookie }), ...headers },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
    const setCookies = response.headers.getSetCookie();
    for (const one of setCookies) keep(cookies, one);
    const location = response.headers.get("location");
    return {
      url,
      status: response.status,
      text: await response.text(),
      location: location === null ? undefined : new URL(location, url).href,
      setCookies,
    };
  };

  return {
    cookies,
    request,
    async open(url, stopAt = () => false) {
      let page = await request(url);
      for (let n = 0; page.location !== undefined && !stopAt(page.location); n++) {
        if (n >= maxRedirects) throw new Error(`too many redirects, at ${page.url}`);
        page = await request(page.location);
      }
      return page;
    },
  };
}

function keep(cookies: Map<string, string>, setCookie: string): void {
  const [pair = "", ...attributes] = setCookie.split(";").map((part) => part.trim());
  const at = pair.indexOf("=");
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  const isOver = attributes.some((one) => /^max-age=0$/i.test(one) || /^expires=.*1970/i.test(one));
  if (isOver || value === "") cookies.delete(name);
  else cookies.set(name, value);
}
