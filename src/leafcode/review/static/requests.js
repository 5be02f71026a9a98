// Questions to the server.
const token = document.querySelector('meta[name="review-token"]').content;

const answer = async (response) => {
  const text = await response.text();
  let value = null;
  try { value = JSON.parse(text); } catch { /* not from the review: told below */ }
  if (!response.ok) throw new Error(value?.error ?? new DOMParser().parseFromString(text, "text/html").body.textContent.trim());
  return value;
};

const asked = async (...request) => {
  let response;
  try {
    response = await fetch(...request);
  } catch {
    throw new Error("The server does not answer. Start leafcode review again and reload the page.");
  }
  return answer(response);
};

export const get = (path, parameters = {}) => asked(`${path}?${new URLSearchParams(parameters)}`);

export const post = (path, value = {}) => asked(path, {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-Review-Token": token },
  body: JSON.stringify(value),
});
