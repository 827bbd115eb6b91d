package kernel

// Revision numbers the arithmetic of training. Two programs of one revision train
// a network to the same bits, if both compute with assembly. Whoever changes an
// algorithm or the order of a sum raises it by one; whoever makes a loop faster and
// leaves its bits alone does not. A test of cmd/train notices: it goes on with a
// small run and holds the bits of its weights.
//
// 1 is commit 81b9a2b and before, whose checkpoints do not tell. 2 is the engine
// with layouts and direct convolutions.
const Revision = 2
