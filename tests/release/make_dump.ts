// `npm run dump`: keeps a dump of this version with work of each kind in it, for the tests of later ones. It is
// part of a release, after its last change of the database.
import { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";
import { keepDump, takeDump } from "./dump.ts";
import { work } from "./work.ts";

await using stack = await OwnStack.start();
await using sql = connect({ max: 1 }, stack.env);
await work(sql);
console.log(`Kept in ${await keepDump(await takeDump(sql))}.`);
