package onnx

// importRules are the operators that can be read. It is filled by init, as rules
// call the builder, which looks here.
var importRules map[string]rule

func init() {
	importRules = map[string]rule{
		"Add":                {inputs: 2, build: importAdd},
		"AveragePool":        {inputs: 1, build: importAvgPool},
		"BatchNormalization": {inputs: 5, build: importBatchNorm},
		"Cast":               {inputs: 1, build: importCast, fold: foldFirst},
		"Clip":               {inputs: 1, build: importClip},
		"Concat":             {inputs: 1, build: importConcat, fold: foldConcat},
		"Constant":           {fold: foldConstant},
		"ConstantOfShape":    {inputs: 1, fold: foldConstantOfShape},
		"Conv":               {inputs: 2, build: importConv},
		"ConvTranspose":      {inputs: 2, build: importConvTranspose},
		"Div":                {inputs: 2, build: importDiv},
		"Dropout":            {inputs: 1, build: importDropout},
		"Flatten":            {inputs: 1, build: importFlatten},
		"Gather":             {inputs: 2, build: importGather, fold: foldGather},
		"Gelu":               {inputs: 1, build: importGELU},
		"Gemm":               {inputs: 2, build: importGemm},
		"GlobalAveragePool":  {inputs: 1, build: importGlobalAvgPool},
		"GlobalMaxPool":      {inputs: 1, build: importGlobalMaxPool},
		"Identity":           {inputs: 1, build: importIdentity, fold: foldFirst},
		"LayerNormalization": {inputs: 2, build: importLayerNorm},
		"LogSoftmax":         {inputs: 1, build: importLogSoftMax},
		"MatMul":             {inputs: 2, build: importMatMul},
		"MaxPool":            {inputs: 1, build: importMaxPool},
		"Mul":                {inputs: 2, build: importMul},
		"Pad":                {inputs: 1, build: importPad},
		"Pow":                {inputs: 2, build: importPow},
		"PRelu":              {inputs: 2, build: importPReLU},
		"ReduceMean":         {inputs: 1, build: importReduceMean},
		"Relu":               {inputs: 1, build: importReLU},
		"Reshape":            {inputs: 1, build: importReshape, fold: foldReshape},
		"Shape":              {inputs: 1, fold: foldShape},
		"Slice":              {inputs: 1, build: importSlice, fold: foldSlice},
		"Softmax":            {inputs: 1, build: importSoftMax},
		"Squeeze":            {inputs: 1, build: importSqueeze, fold: foldFirst},
		"Sub":                {inputs: 2, build: importSub},
		"Sum":                {inputs: 1, build: importSum},
		"Transpose":          {inputs: 1, build: importTranspose, fold: foldTranspose},
		"Unsqueeze":          {inputs: 1, build: importUnsqueeze, fold: foldFirst},
	}
	for name, c := range curves {
		importRules[name] = rule{inputs: 1, build: c.build}
	}
}
