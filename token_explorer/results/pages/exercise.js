// Questions to be answered with a pencil, and their solutions on a page of their own.

function questionElement(question, place) {
  const made = element("section", undefined, "question");
  made.append(element("h2", `${place + 1}. ${question.title}`));
  made.append(element("p", question.where));
  made.append(...question.given.map((line) => element("p", line, "numbers")));
  made.append(element("p", `${question.name} = ${question.formula}`, "numbers"));
  const answer = element("div", undefined, "answer");
  answer.append(element("span", `${question.name} ≈`), element("i"));
  made.append(element("div", undefined, "blank"), answer);
  return made;
}

function solutionElement(question, place) {
  const made = element("section", undefined, "solution");
  made.append(element("h2", `${place + 1}. ${question.title}`), workingElement(question.working));
  return made;
}

function begin() {
  fill(byId("model"), content.model);
  fill(byId("about"), content.described);
  fill(byId("rule"), content.rule);
  fill(byId("prompt"), promptTable());
  fill(byId("questions"), ...content.questions.map(questionElement));
  fill(byId("solutions"), ...content.questions.map(solutionElement));
  unfoldOnPaper(() => {});
}

begin();
