import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import { Device } from "../device.ts";
import { browserTest } from "./browser.ts";

const directionOf = (place: Locator) =>
  place.first().evaluate((element) => element.matches(":dir(rtl)") ? "rtl" : "ltr");

browserTest(
  "texts run in the direction of their script, code from left to right",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");
    await using device = await Device.join(fixture, user);
    const { thread } = await user.aura.dispatchTask(channel.id, "סדר את המדף");
    const result =
      "הכול מסודר:\n\n- ראשון\n- שני\n\n> ציטוט\n\n```\nls -la\n```\n\nAnd in English.";
    await device.complete(await device.claim(), result);

    const page = await visitors.visitor(
      user,
      `/c/${channel.name}/${channel.name}/${thread!.id}`,
    );
    const log = page.getByRole("log").filter({ hasText: "הכול מסודר" });
    for (
      const [place, direction] of [
        [page.getByRole("heading", { name: "סדר את המדף" }), "rtl"],
        [page.getByRole("link", { name: /סדר את המדף/ }).getByText("סדר את המדף"), "rtl"],
        [log.getByText("סדר את המדף"), "rtl"],
        [log.getByRole("listitem").filter({ hasText: "ראשון" }), "rtl"],
        [log.locator("blockquote"), "rtl"],
        [log.locator("pre"), "ltr"],
        [log.getByText("And in English."), "ltr"],
      ] as const
    ) {
      await place.first().waitFor();
      assert.equal(await directionOf(place), direction, String(place));
    }
    // The bullets stand where the lines begin.
    const list = log.getByRole("list").filter({ hasText: "ראשון" }).first();
    const [outer, inner] = await Promise.all(
      [list, list.getByRole("listitem").first()].map((place) => place.boundingBox()),
    );
    assert.equal(inner!.x, outer!.x);
    assert.ok(inner!.width < outer!.width, "there is room for them on the right");

    const composer = page.getByRole("textbox", { name: /^Message|^Follow|^Reply/ }).first();
    await composer.fill("עוד משהו");
    assert.equal(await directionOf(composer), "rtl");
    await composer.fill("something more");
    assert.equal(await directionOf(composer), "ltr");
    assert.equal(
      await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
      true,
      "nothing stands beside the page",
    );
  },
);
