var counter: u32 = 3;
fn bar() u32 {
    counter += 1;
    return 33;
}
fn addToBar(a: u32) u32 {
    return bar() + a;
}
pub fn main() void {
    _ = addToBar(9);
}
// The one of the standard library brings all of its debug information along.
pub fn panic(_: []const u8, _: anytype) noreturn {
    while (true) {}
}
