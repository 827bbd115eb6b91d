// Package onnx writes networks as ONNX files, which other runtimes run, and reads
// such files as layers.
//
//	m, err := weights.LoadModel("runs/cnn/model.safetensors")
//	file, err := onnx.Options{}.Export(modelzoo.CNN(10), m.Tensors, 1, 28, 28)
//
// A file is written from the nodes of the network's graph for inference, in
// float32, at opset 17, with the batch size left free: any network can be written
// that consists of ops of package op. [Open], [Read] and [Load] read the operators
// that image networks need, of opsets up to 21, into a [Model], which is a
// graph.Layer of the same ops: it is differentiated, trained and written again like
// any other.
//
// # Inputs and outputs
//
// A model computes one output of one input. [Model.Outputs] lists the outputs of a
// file, and [Model.With] chooses another one, or any value on the way.
//
// A graph computes in float32, and its input and output are floats, whatever the file
// says they are: [Model.Element] and [Output] tell. Integers and truth are whole
// numbers in a graph, which float32 holds up to 2²⁴ (16,777,216) in size. An input of
// integers is the nearest integer. Integers of 8 and 16 bits overflow as their type
// does. A wider one beyond 2²⁴, or an input that its type does not have, becomes NaN,
// and so does what is computed of it: no integer is wrong without a word. Text,
// sequences and other values that are no tensors are refused, and so are several
// inputs that one output needs.
//
// Quantized networks, of QuantizeLinear and DequantizeLinear in pairs or of operators
// such as QLinearConv, compute in float32 too, and round to the very integers that the
// operators have: rulesquant.go says how exact that is. Their weights are constants.
//
// # How a file becomes a layer
//
// source.go reads the file from its beginning to its end, wire.go has protobuf's
// format, proto.go ONNX's messages, which are few. The floats of a weight are read
// to where they stay (tensor.go), transposed on the way if their product wants that
// (turn.go), or out of another file (external.go). ends.go finds input and output and
// the nodes between them, inline.go puts the nodes of functions in the place of their
// calls, and import.go checks that each node has a rule.
// patterns.go puts one node in the place of pieces that exporters write
// for GELU, LayerNorm and others.
//
// Build, in build.go, takes the nodes one by one. A rule, of rules.go's table, does
// one of three things. It folds: it computes a constant of constants (fold*.go). It
// arranges: it makes a view (view.go), or adds an op that reads its operand as that
// lies in memory. Or it builds: it adds ops to a node whose elements are in order,
// for which a view is copied (value.go).
//
// The other way, exportRules has a rule for each op.
package onnx
