//! `letterlock survey`.

use serde_json::{Value, json};

use super::args::{ResultsArgs, SurveyCommand, TextsArgs};
use super::outcome::Outcome;
use super::output::{self, text};
use super::session::{Session, announce};
use super::terminal::{clean, clean_lines, say};
use crate::control::Command;

/// Characters of the longest bar.
const WIDEST: u64 = 40;

pub(super) async fn survey(session: &mut Session, command: SurveyCommand) -> Outcome {
    match command {
        SurveyCommand::Results(args) => results(session, args).await,
        SurveyCommand::Texts(args) => texts(session, args).await,
    }
}

async fn results(session: &mut Session, args: ResultsArgs) -> Outcome {
    let ResultsArgs { form, acting, json } = args;
    announce(acting.role, acting.purpose.as_deref());
    let command = Command::SurveyResults { role: acting.role, purpose: acting.purpose, form };
    let results = session.run(command, |_| Ok(())).await?;
    if json { output::json(&results) } else { shown(&results).iter().try_for_each(|line| output::line(line)) }
}

async fn texts(session: &mut Session, args: TextsArgs) -> Outcome {
    let TextsArgs { form, field, acting, after, limit, json } = args;
    announce(acting.role, acting.purpose.as_deref());
    let command =
        Command::SurveyTexts { role: acting.role, purpose: acting.purpose, form, field, after, limit: Some(limit) };
    let (items, done) = session.collect(command).await?;
    if json {
        return output::json(&json!({ "items": items, "next": done["next"] }));
    }
    for item in &items {
        output::line(&format!("- {}", clean_lines(item.as_str().unwrap_or(""), 2)))?;
    }
    if items.is_empty() {
        say("nothing to read yet");
    }
    if let Some(next) = done["next"].as_str() {
        say(&format!("more: --after {}", clean(next)));
    }
    Ok(())
}

/// Results as lines, with a bar for each count.
fn shown(results: &Value) -> Vec<String> {
    let k = &results["k"];
    let mut out = vec![text(results, "title"), String::new()];
    let Some(answers) = results["answers"].as_u64() else {
        out.push(format!("Nothing is told before {k} answers have come."));
        return out;
    };
    out.push(format!("{answers} answers, counted in groups of {k}. Counts are rounded to multiples of {k}."));
    for question in results["questions"].as_array().into_iter().flatten() {
        out.extend([String::new(), text(question, "label")]);
        out.extend(question_lines(question, k, answers));
    }
    out
}

fn question_lines(question: &Value, k: &Value, answers: u64) -> Vec<String> {
    if question["masked"] == true {
        return vec!["  not shown to this role".to_owned()];
    }
    let Some(answered) = question["answers"].as_u64() else {
        return vec![format!("  answered by fewer than {k}")];
    };
    let counts: Vec<(String, u64)> = (question["counts"].as_array().into_iter().flatten())
        .map(|line| (text(line, "label"), line["count"].as_u64().unwrap_or(0)))
        .collect();
    let widest = counts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let digits = counts.iter().map(|(_, count)| count.to_string().len()).max().unwrap_or(0);
    let bar = |count: u64| "█".repeat((count * WIDEST / answers.max(1)) as usize);
    let mut out: Vec<String> = (counts.iter())
        .map(|(label, count)| format!("  {label:<widest$}  {count:>digits$}  {}", bar(*count)).trim_end().to_owned())
        .collect();
    let mut about = vec![format!("about {answered} answered")];
    if let Some(mean) = question["mean"].as_f64() {
        about.push(format!("mean about {mean}"));
    }
    if let Some([lower, middle, upper]) = question["quartiles"].as_array().map(Vec::as_slice) {
        let [lower, middle, upper] = [lower, middle, upper].map(place);
        about.push(format!("a quarter up to {lower}, half up to {middle}, three quarters up to {upper}"));
    }
    if question["readable"] == true {
        about.push(format!("read them with: letterlock survey texts … {}", text(question, "name")));
    }
    out.push(format!("  ({})", about.join("; ")));
    out
}

/// Where a quarter ends: a mark, or the end of a range.
fn place(value: &Value) -> String {
    let end = if value.is_object() { &value["to"] } else { value };
    clean(&end.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_shown_with_bars() {
        let results = json!({ "title": "How are we doing?", "k": 5, "answers": 20, "questions": [
            { "name": "mark", "label": "How\u{1b} good?", "answers": 20, "mean": 3.5,
              "quartiles": [2, { "from": 3, "to": 4 }, 5], "readable": false,
              "counts": [{ "label": "1", "count": 5 }, { "label": "ten", "count": 10 }, { "label": "2", "count": 0 }] },
            { "name": "words", "label": "Why?", "answers": 5, "counts": [], "readable": true },
            { "name": "few", "label": "And?", "answers": null, "counts": [] },
            { "name": "birth", "label": "When were you born?", "answers": null, "counts": [], "masked": true },
        ] });
        let bars = ["█".repeat(10), "█".repeat(20)];
        assert_eq!(
            shown(&results).join("\n"),
            format!(
                "\
How are we doing?

20 answers, counted in groups of 5. Counts are rounded to multiples of 5.

How\\u{{1b}} good?
  1     5  {}
  ten  10  {}
  2     0
  (about 20 answered; mean about 3.5; a quarter up to 2, half up to 4, three quarters up to 5)

Why?
  (about 5 answered; read them with: letterlock survey texts … words)

And?
  answered by fewer than 5

When were you born?
  not shown to this role",
                bars[0], bars[1]
            )
        );
        let few = json!({ "title": "T", "k": 7, "answers": null, "questions": [] });
        assert_eq!(shown(&few).last().unwrap(), "Nothing is told before 7 answers have come.");
    }
}
