import type { FormField } from "@parley/protocol";
import { useId } from "react";
import { useWords } from "../words/use-words.ts";
import { answerChars, isKnownField, nameOf, type FormValues } from "./form-content.ts";

interface ApprovalFieldsProps {
  readonly fields: readonly FormField[];
  readonly values: FormValues;
  readonly onChange: (name: string, value: FormValues[string]) => void;
  /** The field in which something does not fit. */
  readonly wrong: string | undefined;
  readonly isDisabled: boolean;
}

/** What is to be filled in by whoever agrees. */
export function ApprovalFields({ fields, values, onChange, wrong, isDisabled }: ApprovalFieldsProps) {
  return (
    <div className="message-fields">
      {fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          value={values[field.name]}
          onChange={(value) => onChange(field.name, value)}
          isWrong={wrong === field.name}
          isDisabled={isDisabled}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  readonly field: FormField;
  readonly value: FormValues[string] | undefined;
  readonly onChange: (value: FormValues[string]) => void;
  readonly isWrong: boolean;
  readonly isDisabled: boolean;
}

function Field(props: FieldProps) {
  const { field } = props;
  if (!isKnownField(field)) return <UnknownField field={field} />;
  if (field.type === "choices") return <Choices {...props} />;
  if (field.type === "boolean") return <YesOrNo {...props} />;
  return <OneValue {...props} />;
}

function UnknownField({ field }: Pick<FieldProps, "field">) {
  const { message: words } = useWords();
  return <p className="ui-error">{words.form.unknown(nameOf(field))}</p>;
}

function OneValue({ field, value, onChange, isWrong, isDisabled }: FieldProps) {
  const { message: words } = useWords();
  const id = useId();
  const { options, required, description, type } = field;
  const common = {
    id,
    className: "ui-field",
    value: typeof value === "string" ? value : "",
    disabled: isDisabled,
    required: required === true,
    "aria-invalid": isWrong,
    "aria-describedby": `${id}-note`,
  };
  return (
    <div className="message-field">
      <FieldLabel field={field} htmlFor={id} />
      {options === undefined ? (
        <input
          {...common}
          type="text"
          inputMode={type === "string" ? "text" : type === "integer" ? "numeric" : "decimal"}
          maxLength={answerChars}
          autoComplete="off"
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <select {...common} onChange={(event) => onChange(event.target.value)}>
          <option value="">{words.form.none}</option>
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      )}
      <p className="ui-note" id={`${id}-note`}>
        {description}
      </p>
    </div>
  );
}

function FieldLabel({ field, htmlFor }: { readonly field: FormField; readonly htmlFor: string }) {
  const { message: words } = useWords();
  return (
    <label className="ui-label" htmlFor={htmlFor}>
      {nameOf(field)}
      {field.required === true && <span className="message-quiet"> ({words.form.required})</span>}
    </label>
  );
}

function YesOrNo({ field, value, onChange, isDisabled }: FieldProps) {
  return (
    <div className="message-field">
      <label className="message-check">
        <input
          type="checkbox"
          checked={value === true}
          disabled={isDisabled}
          onChange={(event) => onChange(event.target.checked)}
        />
        <span>{nameOf(field)}</span>
      </label>
      <p className="ui-note">{field.description}</p>
    </div>
  );
}

function Choices({ field, value, onChange, isWrong, isDisabled }: FieldProps) {
  const { message: words } = useWords();
  const chosen: readonly string[] = Array.isArray(value) ? value : [];
  const choose = (option: string, isChosen: boolean): void =>
    onChange(isChosen ? [...chosen, option] : chosen.filter((one) => one !== option));
  return (
    <fieldset className="message-field message-choices" aria-invalid={isWrong} disabled={isDisabled}>
      <legend className="ui-label">
        {nameOf(field)}
        {field.required === true && <span className="message-quiet"> ({words.form.required})</span>}
      </legend>
      <p className="ui-note">{field.description}</p>
      {(field.options ?? []).map((option) => (
        <label key={option} className="message-check">
          <input
            type="checkbox"
            checked={chosen.includes(option)}
            onChange={(event) => choose(option, event.target.checked)}
          />
          <span>{option}</span>
        </label>
      ))}
    </fieldset>
  );
}
