// Package attack looks for pictures that a network gets wrong and a person does not:
// close to a picture that it gets right, in L∞ or in L2, found by the gradient for the
// input or by trying.
//
//	v, err := attack.New(layer, weights, [3]int{1, 28, 28}, nil)
//	o, err := attack.PGD{Epsilon: 0.3, Steps: 40, Restarts: 3}.Run(ctx, v, images, classes)
//	fmt.Println(o.Accuracy(), o.Images[0].Adversarial)
//
// Pictures are pixels in [0,1], channel by channel; the victim's normalisation is
// applied behind them, so that Epsilon is a distance of pixels. The network runs as in
// inference. A picture counts as found only if a plain prediction of it, by the graph
// that predicts, is of another class; it lies inside the ball and inside [0,1] exactly.
//
// # How it runs
//
// Each attack is a function for one picture, written like the paper's algorithm: it
// asks for a gradient or for a prediction, and waits. The victim answers the questions
// of up to two batches of pictures, a batch at a time. Pictures that are done leave, and
// others take their seats. What an image's search does depends on the picture, its class,
// its place in the list and the seed alone: the same bits for any number of threads and
// for any number of pictures in the list.
//
// README.md has the table of attacks, with their settings and sources.
package attack
