import { createRoot } from "react-dom/client";

const place = document.getElementById("root");
if (place === null) throw new Error("The page has no #root.");
createRoot(place).render(<p>Parley</p>);
