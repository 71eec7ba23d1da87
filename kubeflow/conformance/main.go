// Command conformance gives a compiled document to KFP's own code and prints the Argo Workflow it makes of it.
//
//	conformance PIPELINE.yaml [NAME=VALUE ...]    # values as JSON
//
// The parser, the checks of run parameters and the compiler are those of KFP's API server, the last check is Argo's own;
// nothing of either is written again here. Exit code 1 and one line on standard error: what they refuse.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	wfapi "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/apiserver/model"
	"github.com/kubeflow/pipelines/backend/src/apiserver/template"
	"github.com/kubeflow/pipelines/backend/src/v2/expression"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == "condition" {
		return evaluate(args[1:])
	}
	if len(args) == 0 {
		return fmt.Errorf("usage: conformance PIPELINE.yaml [NAME=JSON ...] | conformance condition EXPRESSION EXECUTOR_INPUT")
	}
	document, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	workflow, err := compile(document, args[1:])
	if err != nil {
		return err
	}
	if _, err := validate.ValidateWorkflow(nil, nil, workflow, validate.ValidateOpts{Submit: true}); err != nil {
		return fmt.Errorf("Argo refuses the workflow: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(workflow)
}

// compile does what the API server does with an uploaded document when a run of it starts.
func compile(document []byte, given []string) (*wfapi.Workflow, error) {
	parsed, err := template.New(document)
	if err != nil {
		return nil, fmt.Errorf("KFP refuses the document: %w", err)
	}
	if !parsed.IsV2() {
		return nil, fmt.Errorf("KFP takes the document for one of version 1")
	}
	parameters, err := asJSON(given)
	if err != nil {
		return nil, err
	}
	run := &model.Run{
		DisplayName: "conformance",
		Namespace:   "kubeflow",
		PipelineSpec: model.PipelineSpec{RuntimeConfig: model.RuntimeConfig{
			Parameters:   parameters,
			PipelineRoot: "minio://mlpipeline/v2/artifacts",
		}},
	}
	made, err := parsed.RunWorkflow(run, template.RunWorkflowOptions{RunId: "11111111-2222-3333-4444-555555555555"})
	if err != nil {
		return nil, fmt.Errorf("KFP refuses the run: %w", err)
	}
	workflow := &wfapi.Workflow{}
	return workflow, yaml.UnmarshalStrict([]byte(made.ToStringForStore()), workflow)
}

func asJSON(given []string) (string, error) {
	values := map[string]json.RawMessage{}
	for _, text := range given {
		name, value, found := strings.Cut(text, "=")
		if !found || !json.Valid([]byte(value)) {
			return "", fmt.Errorf("a parameter is NAME=JSON, got %q", text)
		}
		values[name] = json.RawMessage(value)
	}
	text, err := json.Marshal(values)
	return string(text), err
}

// evaluate prints what KFP's driver makes of a condition.
func evaluate(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: conformance condition EXPRESSION EXECUTOR_INPUT")
	}
	input := &pipelinespec.ExecutorInput{}
	if err := protojson.Unmarshal([]byte(args[1]), input); err != nil {
		return fmt.Errorf("KFP refuses the ExecutorInput: %w", err)
	}
	expressions, err := expression.New()
	if err != nil {
		return err
	}
	triggers, err := expressions.Condition(input, args[0])
	if err != nil {
		return fmt.Errorf("KFP cannot evaluate the condition: %w", err)
	}
	fmt.Println(triggers)
	return nil
}
