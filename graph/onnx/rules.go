package onnx

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph/op"
)

// importRules has the operators that can be read. ownRules has the operators that
// patterns put in the place of others. init fills them, as rules call the builder,
// which looks here.
var importRules, ownRules map[string]rule

// rule is a node's.
func (n *nodeProto) rule() rule {
	if n.Domain == ownDomain {
		return ownRules[n.Op]
	}
	return importRules[n.Op]
}

func init() {
	importRules = map[string]rule{
		"Add":                   {inputs: 2, arrange: arrangeAdd, fold: foldPair},
		"AveragePool":           {inputs: 1, build: importAvgPool},
		"BatchNormalization":    {inputs: 5, build: importBatchNorm},
		"Cast":                  {inputs: 1, arrange: arrangeCast, fold: foldCast},
		"Clip":                  {inputs: 1, arrange: each(importClip)},
		"Concat":                {inputs: 1, arrange: arrangeConcat, fold: foldConcat},
		"Constant":              {fold: foldConstant},
		"ConstantOfShape":       {inputs: 1, fold: foldConstantOfShape},
		"Conv":                  {inputs: 2, build: importConv},
		"ConvTranspose":         {inputs: 2, build: importConvTranspose},
		"Div":                   {inputs: 2, arrange: arrangeDiv, fold: foldPair},
		"Dropout":               {inputs: 1, all: true, arrange: arrangeDropout},
		"Einsum":                {inputs: 1, arrange: arrangeEinsum},
		"Equal":                 {inputs: 2, arrange: comparing("Equal", func(x, y float64) bool { return x == y }), fold: foldPair},
		"Expand":                {inputs: 2, arrange: arrangeExpand, fold: foldExpand},
		"Flatten":               {inputs: 1, arrange: arrangeFlatten, fold: foldFlatten},
		"Gather":                {inputs: 2, arrange: arrangeGather, fold: foldGather},
		"Gelu":                  {inputs: 1, arrange: each(importGELU)},
		"Gemm":                  {inputs: 2, arrange: arrangeGemm},
		"GlobalAveragePool":     {inputs: 1, build: importGlobalAvgPool},
		"GlobalMaxPool":         {inputs: 1, build: importGlobalMaxPool},
		"GlobalLpPool":          {inputs: 1, build: importGlobalLpPool},
		"If":                    {inputs: 1, all: true},
		"Identity":              {inputs: 1, arrange: arrangeSame, fold: foldFirst},
		"LayerNormalization":    {inputs: 2, arrange: arrangeLayerNorm},
		"LogSoftmax":            {inputs: 1, arrange: arrangeLogSoftMax},
		"LpPool":                {inputs: 1, build: importLpPool},
		"MatMul":                {inputs: 2, arrange: arrangeMatMul},
		"MaxPool":               {inputs: 1, build: importMaxPool},
		"Mod":                   {inputs: 2, arrange: arrangeMod, fold: foldPair},
		"Mul":                   {inputs: 2, arrange: arrangeMul, fold: foldPair},
		"NonZero":               {inputs: 1, fold: foldNonZero},
		"Not":                   {inputs: 1, arrange: each(importNot), fold: foldNot},
		"PRelu":                 {inputs: 2, arrange: arrangePReLU},
		"Pad":                   {inputs: 1, arrange: arrangePad},
		"Pow":                   {inputs: 2, arrange: arrangePow, fold: foldPair},
		"Range":                 {inputs: 3, fold: foldRange},
		"Relu":                  {inputs: 1, arrange: each(importReLU)},
		"Reshape":               {inputs: 1, arrange: arrangeReshape, fold: foldReshape},
		"ScatterND":             {inputs: 3, fold: foldScatterND},
		"Shape":                 {inputs: 1, fold: foldShape},
		"Size":                  {inputs: 1, fold: foldSize},
		"Slice":                 {inputs: 1, arrange: arrangeSlice, fold: foldSlice},
		"Softmax":               {inputs: 1, arrange: arrangeSoftMax},
		"Split":                 {inputs: 1, all: true, arrange: arrangeSplit, fold: foldSplit},
		"Squeeze":               {inputs: 1, arrange: arrangeSqueeze, fold: foldSqueeze},
		"Sub":                   {inputs: 2, arrange: arrangeSub, fold: foldPair},
		"Sum":                   {inputs: 1, arrange: arrangeSum},
		"Transpose":             {inputs: 1, arrange: arrangeTranspose, fold: foldTranspose},
		"Unsqueeze":             {inputs: 1, arrange: arrangeUnsqueeze, fold: foldUnsqueeze},
		"ArgMax":                {inputs: 1, arrange: arrangeArg(1)},
		"ArgMin":                {inputs: 1, arrange: arrangeArg(-1)},
		"And":                   {inputs: 2, arrange: comparing("And", func(x, y float64) bool { return x != 0 && y != 0 }), fold: foldPair},
		"Or":                    {inputs: 2, arrange: comparing("Or", func(x, y float64) bool { return x != 0 || y != 0 }), fold: foldPair},
		"Xor":                   {inputs: 2, arrange: comparing("Xor", func(x, y float64) bool { return (x != 0) != (y != 0) }), fold: foldPair},
		"Less":                  {inputs: 2, arrange: comparing("Less", func(x, y float64) bool { return x < y }), fold: foldPair},
		"LessOrEqual":           {inputs: 2, arrange: comparing("LessOrEqual", func(x, y float64) bool { return x <= y }), fold: foldPair},
		"Greater":               {inputs: 2, arrange: comparing("Greater", func(x, y float64) bool { return x > y }), fold: foldPair},
		"GreaterOrEqual":        {inputs: 2, arrange: comparing("GreaterOrEqual", func(x, y float64) bool { return x >= y }), fold: foldPair},
		"Max":                   {inputs: 1, arrange: combining(extreme("Max", 1)), fold: foldPair},
		"Min":                   {inputs: 1, arrange: combining(extreme("Min", -1)), fold: foldPair},
		"Mean":                  {inputs: 1, arrange: arrangeMean},
		"CastLike":              {inputs: 2, arrange: arrangeCastLike},
		"IsInf":                 {inputs: 1, arrange: each(importIsInf)},
		"Shrink":                {inputs: 1, arrange: each(importShrink)},
		"InstanceNormalization": {inputs: 3, build: importInstanceNorm},
		"GroupNormalization":    {inputs: 3, build: importGroupNorm},
		"LRN":                   {inputs: 1, build: importLRN},
		"DepthToSpace":          {inputs: 1, arrange: arrangeDepthToSpace},
		"SpaceToDepth":          {inputs: 1, arrange: arrangeSpaceToDepth},
		"Tile":                  {inputs: 2, arrange: arrangeTile, fold: foldTile},
		"Trilu":                 {inputs: 1, build: importTrilu},
		"Resize":                {inputs: 1, build: importResize},
		"Upsample":              {inputs: 1, build: importResize},
		"ConvInteger":           {inputs: 2, build: importConvInteger},
		"DequantizeLinear":      {inputs: 2, arrange: arrangeDequantize, fold: foldDequantize},
		"DynamicQuantizeLinear": {inputs: 1, all: true, arrange: arrangeDynamicQuantize},
		"MatMulInteger":         {inputs: 2, arrange: arrangeMatMulInteger},
		"QLinearConv":           {inputs: 8, build: importQLinearConv},
		"QLinearMatMul":         {inputs: 8, arrange: arrangeQLinearMatMul},
		"QuantizeLinear":        {inputs: 2, arrange: arrangeQuantize},
		"CumSum":                {inputs: 2, arrange: arrangeCumSum},
		"Hardmax":               {inputs: 1, arrange: arrangeHardmax},
		"TopK":                  {inputs: 1, all: true, arrange: arrangeTopK},
		"Where":                 {inputs: 3, arrange: combining(choice), fold: foldWhere},
	}
	for name := range cells {
		importRules[name] = rule{inputs: 3, all: true, arrange: arrangeRecurrent}
	}
	for name, c := range curves {
		importRules[name] = rule{inputs: 1, arrange: each(c)}
	}
	for name := range unaries {
		if name != "Square" {
			importRules[name] = rule{inputs: 1, arrange: each(func(b *builder, x *gorgonia.Node) *gorgonia.Node { return b.unary(name, x) }), fold: foldUnary}
		}
	}
	for name := range reducings {
		importRules[name] = rule{inputs: 1, arrange: arrangeReduce, fold: foldReduce}
	}
	ownRules = map[string]rule{
		"ChannelNorm": {arrange: arrangeChannelNorm},
		"SiLU":        {arrange: each(simple(op.SiLU))},
	}
	for _, name := range []string{"Gelu", "HardSigmoid", "HardSwish", "LayerNormalization", "MatMul"} {
		ownRules[name] = importRules[name]
	}
}

// each is the rule of a function of each element by itself.
func each(f builtCurve) func(b *builder, x *value) *value {
	return func(b *builder, x *value) *value {
		return b.each(x, func(x *gorgonia.Node) *gorgonia.Node { return f(b, x) })
	}
}
