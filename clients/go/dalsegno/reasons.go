package dalsegno

// A Reason is why a call was refused: what to switch on. It is an error itself, so that
//
//	errors.Is(err, dalsegno.ReasonRunNotFound)
//
// tells whether err is an [*Error] with that reason. A reason that a newer server gives, and this
// client has no name for, is kept as it came.
type Reason string

// Error is the reason's name.
func (r Reason) Error() string { return string(r) }

// The reasons of the protos, and their codes.
const (
	// ReasonWorkflowNotFound: no workflow of this id is registered. Code NOT_FOUND.
	ReasonWorkflowNotFound Reason = "WORKFLOW_NOT_FOUND"
	// ReasonRunNotFound: no run has this id. Code NOT_FOUND.
	ReasonRunNotFound Reason = "RUN_NOT_FOUND"
	// ReasonStepNotFound: a well-formed address that names nothing in the workflow or the run.
	// Code NOT_FOUND.
	ReasonStepNotFound Reason = "STEP_NOT_FOUND"
	// ReasonInvalidRequest: fields of the request break their rules. Code INVALID_ARGUMENT.
	ReasonInvalidRequest Reason = "INVALID_REQUEST"
	// ReasonInvalidInput: the input does not fit what it is given to. Code INVALID_ARGUMENT.
	ReasonInvalidInput Reason = "INVALID_INPUT"
	// ReasonInvalidState: the state does not fit the workflow's. Code INVALID_ARGUMENT.
	ReasonInvalidState Reason = "INVALID_STATE"
	// ReasonInvalidResumeData: the resume data is missing or does not fit the suspended step. Code
	// INVALID_ARGUMENT.
	ReasonInvalidResumeData Reason = "INVALID_RESUME_DATA"
	// ReasonInvalidContext: a record or the request context given does not fit. Code
	// INVALID_ARGUMENT.
	ReasonInvalidContext Reason = "INVALID_CONTEXT"
	// ReasonInvalidAddress: an address that is empty or malformed. Code INVALID_ARGUMENT.
	ReasonInvalidAddress Reason = "INVALID_ADDRESS"
	// ReasonInvalidPageToken: a page token that the server did not give for this question. Code
	// INVALID_ARGUMENT.
	ReasonInvalidPageToken Reason = "INVALID_PAGE_TOKEN"
	// ReasonInvalidDefinition: a workflow that cannot be built. Code INVALID_ARGUMENT.
	ReasonInvalidDefinition Reason = "INVALID_DEFINITION"
	// ReasonWorkflowMismatch: the workflow named is not the one of the source run. Code
	// INVALID_ARGUMENT.
	ReasonWorkflowMismatch Reason = "WORKFLOW_MISMATCH"
	// ReasonRunExists: a run has this id already. Code ALREADY_EXISTS.
	ReasonRunExists Reason = "RUN_EXISTS"
	// ReasonRequestIDReused: the request id was used before, for another request. Code
	// ALREADY_EXISTS.
	ReasonRequestIDReused Reason = "REQUEST_ID_REUSED"
	// ReasonSourceRunActive: the source run is pending, running or waiting. Code
	// FAILED_PRECONDITION.
	ReasonSourceRunActive Reason = "SOURCE_RUN_ACTIVE"
	// ReasonMissingHistory: steps whose records or outputs the target needs have none. Code
	// FAILED_PRECONDITION.
	ReasonMissingHistory Reason = "MISSING_HISTORY"
	// ReasonDefinitionChanged: steps up to the target stand in another order than recorded. Code
	// FAILED_PRECONDITION.
	ReasonDefinitionChanged Reason = "DEFINITION_CHANGED"
	// ReasonTargetNotReached: the condition in front of the target does not hold. Code
	// FAILED_PRECONDITION.
	ReasonTargetNotReached Reason = "TARGET_NOT_REACHED"
	// ReasonNothingToResume: the source has no suspended step at or after the target. Code
	// FAILED_PRECONDITION.
	ReasonNothingToResume Reason = "NOTHING_TO_RESUME"
	// ReasonNotSuspended: nothing waits for resume data there. Code FAILED_PRECONDITION.
	ReasonNotSuspended Reason = "NOT_SUSPENDED"
	// ReasonAmbiguousSuspension: several steps wait for resume data, and the request names none.
	// Code FAILED_PRECONDITION.
	ReasonAmbiguousSuspension Reason = "AMBIGUOUS_SUSPENSION"
	// ReasonRunActive: the run is alive. Code FAILED_PRECONDITION.
	ReasonRunActive Reason = "RUN_ACTIVE"
	// ReasonRunFinished: the run has ended, and terminal states are final. Code
	// FAILED_PRECONDITION.
	ReasonRunFinished Reason = "RUN_FINISHED"
	// ReasonRunHasReplays: replays share the history of the run. Code FAILED_PRECONDITION.
	ReasonRunHasReplays Reason = "RUN_HAS_REPLAYS"
	// ReasonConflict: the run was changed by another call; read it again, and decide again. Code
	// ABORTED.
	ReasonConflict Reason = "CONFLICT"
	// ReasonCorruptHistory: a stored record cannot be read. Code DATA_LOSS.
	ReasonCorruptHistory Reason = "CORRUPT_HISTORY"
	// ReasonSequenceOutOfRange: a cursor beyond the newest event of the run. Code OUT_OF_RANGE.
	ReasonSequenceOutOfRange Reason = "SEQUENCE_OUT_OF_RANGE"
	// ReasonPayloadTooLarge: a payload takes more bytes than the server accepts. Code
	// RESOURCE_EXHAUSTED.
	ReasonPayloadTooLarge Reason = "PAYLOAD_TOO_LARGE"
	// ReasonTooManyRuns: the server accepts no more unfinished runs now. Code RESOURCE_EXHAUSTED.
	ReasonTooManyRuns Reason = "TOO_MANY_RUNS"
	// ReasonStoreUnavailable: the server's database does not answer; whether the call took effect
	// is not known. Code UNAVAILABLE.
	ReasonStoreUnavailable Reason = "STORE_UNAVAILABLE"
	// ReasonShuttingDown: the server is stopping and starts nothing new. Code UNAVAILABLE.
	ReasonShuttingDown Reason = "SHUTTING_DOWN"
	// ReasonInternal: the server has a bug; its log has the details under `metadata["incident"]`.
	// Code INTERNAL.
	ReasonInternal Reason = "INTERNAL"
	// ReasonTooManyStreams: as many streams are open as the server allows, on this connection or in
	// all. Code RESOURCE_EXHAUSTED.
	ReasonTooManyStreams Reason = "TOO_MANY_STREAMS"
	// ReasonTooManyEvents: the run has as many events as it may have. Code RESOURCE_EXHAUSTED.
	ReasonTooManyEvents Reason = "TOO_MANY_EVENTS"
	// ReasonReaderStalled: the reader of a stream took nothing for too long. Code UNAVAILABLE.
	// Streams of this client go on by themselves.
	ReasonReaderStalled Reason = "READER_STALLED"
	// ReasonBackupActive: another backup is being made. Code RESOURCE_EXHAUSTED.
	ReasonBackupActive Reason = "BACKUP_ACTIVE"
	// ReasonBackupNoSpace: the server's disk has no space for a backup. Code RESOURCE_EXHAUSTED.
	ReasonBackupNoSpace Reason = "BACKUP_NO_SPACE"
	// ReasonCorruptStore: the database is damaged. Code DATA_LOSS.
	ReasonCorruptStore Reason = "CORRUPT_STORE"
	// ReasonEventGap: a stream went on behind the event it had to bring. Code DATA_LOSS. Only this
	// client gives it.
	ReasonEventGap Reason = "EVENT_GAP"
)
