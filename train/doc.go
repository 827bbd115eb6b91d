// Package train fits a network to a dataset.
//
// [Fit] is all there is to call: it shuffles, runs the graph batch by batch,
// lets an [Optimizer] change the weights, at a rate that a [Schedule] may set,
// measures the test set after every epoch, and keeps a folder from which a
// stopped run goes on as if nothing had happened. Any [graph.Layer] will do, one
// of modelzoo or your own.
package train
